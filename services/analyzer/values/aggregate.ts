const ascending = (a: number, b: number) => a - b

/**
 * How the values of a window become one number. The same values give the same number in any order, so that rounding
 * never makes two windows of the same values differ.
 */
export const methods = {
  sum: (values: readonly number[]) => values.toSorted(ascending).reduce((total, value) => total + value, 0),
  avg(values: readonly number[]) {
    const sorted = values.toSorted(ascending)
    const [least, most] = [sorted[0]!, sorted.at(-1)!]
    return least === most ? least : sorted.reduce((mean, value) => mean + value / sorted.length, 0)
  },
  count: (values: readonly number[]) => values.length,
  min: (values: readonly number[]) => values.reduce((least, value) => Math.min(least, value)),
  max: (values: readonly number[]) => values.reduce((most, value) => Math.max(most, value)),
  median(values: readonly number[]) {
    const sorted = values.toSorted(ascending)
    const middle = (sorted.length - 1) / 2
    const [lower, upper] = [sorted[Math.floor(middle)]!, sorted[Math.ceil(middle)]!]
    return lower === upper ? lower : lower / 2 + upper / 2
  },
  /** Of the whole population, not of a sample. */
  stddev(values: readonly number[]) {
    const mean = methods.avg(values)
    return Math.sqrt(methods.avg(values.map((value) => (value - mean) ** 2)))
  },
} as const

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
