export type Summary = { min: number; median: number; max: number }

/** Throws when there is nothing to summarize. */
export function summarize(values: readonly number[]): Summary {
  const sorted = values.toSorted((a, b) => a - b)
  const [min, max] = [sorted[0], sorted.at(-1)]
  if (min === undefined || max === undefined) throw new Error('nothing was measured')
  const middle = sorted.length / 2
  const median = ((sorted[Math.ceil(middle) - 1] as number) + (sorted[Math.floor(middle)] as number)) / 2
  return { min, median, max }
}

/** Three significant digits, whole numbers from 100 on: 0.0123, 4.57, 123, 45,678. */
export function formatNumber(value: number): string {
  const digits = Math.abs(value) >= 100 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 3 }
  return new Intl.NumberFormat('en-US', digits).format(value)
}
