import { formatDate, formatNumber } from '#runtime/text/format.ts'

/** The last value of a series in each span of time, in order. Spans without a value are left out. */
export type Series = { values: readonly number[]; firstAt: number }

const bars = ['▁', '▂', '▃', '▅', '▇']

/** A series as a row of bars, with its first and last value in numbers; null: it has fewer than three values. */
export function drawSeries({ values, firstAt }: Series): string | null {
  const [first, last] = [values[0], values.at(-1)]
  if (first === undefined || last === undefined || values.length < 3 || !values.every(Number.isFinite)) return null
  const [min, max] = [Math.min(...values), Math.max(...values)]
  // The difference of two numbers may be too large for a number.
  const scale = Number.isFinite(max - min) ? 1 : 0.5
  const heightOf = (value: number) => (max === min ? 0 : (value * scale - min * scale) / (max * scale - min * scale))
  const drawn = values.map((value) => bars[Math.round(heightOf(value) * (bars.length - 1))]).join('')
  return `${drawn} ${formatNumber(first)} → ${formatNumber(last)} since ${formatDate(firstAt)}`
}
