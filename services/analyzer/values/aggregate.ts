import jstat from 'jstat'

const { jStat } = jstat

const ascending = (a: number, b: number) => a - b

/**
 * How the values of a window become one number. The same values give the same number in any order, so that rounding
 * never makes two windows of the same values differ. Equal values give exactly that value, and no spread.
 */
export const methods = {
  sum: (values: readonly number[]) => jStat.sum(values.toSorted(ascending)),
  avg: (values: readonly number[]) => ofDifferent(values, jStat.mean, (value) => value),
  count: (values: readonly number[]) => values.length,
  min: (values: readonly number[]) => jStat.min(values),
  max: (values: readonly number[]) => jStat.max(values),
  median: (values: readonly number[]) => ofDifferent(values, jStat.median, (value) => value),
  /** Of the whole population, not of a sample. */
  stddev: (values: readonly number[]) => ofDifferent(values, jStat.stdev, () => 0),
} as const

function ofDifferent(
  values: readonly number[],
  compute: (sorted: readonly number[]) => number,
  ofEqual: (value: number) => number,
): number {
  const sorted = values.toSorted(ascending)
  const [least, most] = [sorted[0]!, sorted.at(-1)!]
  return least === most ? ofEqual(least) : compute(sorted)
}

export type Method = keyof typeof methods

/**
 * The method that a row of public.notification_rules names, in upper or lower case; null if unknown. stddev is for our
 * own rules.
 */
export function findMethod(name: string): Method | null {
  const known = name.trim().toLowerCase()
  const method = known === 'mean' ? 'avg' : known
  return method !== 'stddev' && Object.hasOwn(methods, method) ? (method as Method) : null
}
