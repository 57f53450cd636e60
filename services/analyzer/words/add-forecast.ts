import { formatNumber, formatNumbers } from '#runtime/text/format.ts'
import type { NewsRow } from './compose-news.ts'

/** Between which numbers a value was expected in 8 of 10 cases. */
type Expected = { value: number; low: number; high: number }

/** A news item about a number with what was forecast for it: in its facts, and in a sentence of its message. */
export function addForecast<Row extends Pick<NewsRow, 'message' | 'facts'>>(row: Row, expected: Expected): Row {
  const { value, low, high } = expected
  const [from, to] = formatNumbers(low, high)
  return {
    ...row,
    message: `${row.message} Expected ${from === to ? `was ${from}` : `were ${from} to ${to}`}.`,
    facts: {
      ...row.facts,
      ...{ forecast: formatNumber(value), forecast_low: from, forecast_high: to },
      ...{ forecast_value: String(value), forecast_low_value: String(low), forecast_high_value: String(high) },
    },
  }
}
