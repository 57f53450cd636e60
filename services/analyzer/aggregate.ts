/** How the values of a window become one. The window before has the same length, so the same data give the same number. */
export const methods = {
  sum: (values: readonly number[]) => values.reduce((total, value) => total + value, 0),
  avg: (values: readonly number[]) => values.reduce((mean, value) => mean + value / values.length, 0),
  count: (values: readonly number[]) => values.length,
  min: (values: readonly number[]) => Math.min(...values),
  max: (values: readonly number[]) => Math.max(...values),
  median(values: readonly number[]) {
    const sorted = values.toSorted((a, b) => a - b)
    const middle = (sorted.length - 1) / 2
    return (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle)]!) / 2
  },
  /** Of the whole population. */
  stddev(values: readonly number[]) {
    const mean = methods.avg(values)
    return Math.sqrt(methods.avg(values.map((value) => (value - mean) ** 2)))
  },
} as const

export type Method = keyof typeof methods

/** The method that a row of public.notification_rules names, in any case; null: there is none. It cannot name stddev. */
export function findMethod(name: string): Method | null {
  const known = name.trim().toLowerCase()
  const method = known === 'mean' ? 'avg' : known
  return method !== 'stddev' && Object.hasOwn(methods, method) ? (method as Method) : null
}
