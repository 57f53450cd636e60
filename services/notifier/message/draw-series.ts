import { formatDate, formatNumber } from '#runtime/text/format.ts'

/** The last value of a series in each of some equal spans of time that had one, in order. */
export type Series = { values: readonly number[]; firstAt: number }

const bars = ['▁', '▂', '▃', '▅', '▇']

/** A series as a row of bars, from its least value to its greatest, with its ends in numbers; null: there is nothing to see. */
export function drawSeries({ values, firstAt }: Series): string | null {
  const [first, last] = [values[0], values.at(-1)]
  if (first === undefined || last === undefined || values.length < 3 || !values.every(Number.isFinite)) return null
  const [min, max] = [Math.min(...values), Math.max(...values)]
  // The difference of two numbers may be more than a number can be.
  const scale = Number.isFinite(max - min) ? 1 : 0.5
  const heightOf = (value: number) => (max === min ? 0 : (value * scale - min * scale) / (max * scale - min * scale))
  const drawn = values.map((value) => bars[Math.round(heightOf(value) * (bars.length - 1))]).join('')
  return `${drawn} ${formatNumber(first)} → ${formatNumber(last)} since ${formatDate(firstAt)}`
}
