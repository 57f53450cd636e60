import { z } from 'zod'
import { columnsOf } from '#runtime/postgres/column.ts'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { addForecast } from '../words/add-forecast.ts'
import type { NewsRow } from '../words/compose-news.ts'

/** A forecast is for a value that comes within this share of a step before or after its time. */
const nearSteps = 0.5

const forecastRow = z.object({ index: z.number(), value: z.number(), low: z.number(), high: z.number() })

/**
 * These news items, those about a number with what was forecast for it from earlier values. Of two forecasts the one over
 * fewer steps counts.
 */
export async function addForecasts(tx: Transaction, news: readonly NewsRow[]): Promise<NewsRow[]> {
  const asked = news.flatMap((row, index) => (isAboutNumber(row) ? [{ ...row, index }] : []))
  if (asked.length === 0) return [...news]
  const column = columnsOf(asked)
  const found = await tx.any(sql.type(forecastRow)`
    SELECT DISTINCT ON (n.index) n.index, f.value, f.low, f.high
    FROM unnest(
      ${column('int4', ({ index }) => index)},
      ${column('int4', (row) => row.company_measurement_id)},
      ${column('text', (row) => row.subject_key)},
      ${column('text', (row) => row.item_key ?? '')},
      ${column('float8', (row) => row.observed_at / 1000)}
    ) AS n (index, company_measurement_id, subject_key, item_key, observed_at)
    JOIN analyzer.forecast f USING (company_measurement_id, subject_key, item_key)
    WHERE f.low IS NOT NULL AND f.high IS NOT NULL AND f.made_at < to_timestamp(n.observed_at)
      AND abs(extract(epoch FROM f.for_time) - n.observed_at)
        <= ${nearSteps} * extract(epoch FROM f.for_time - f.made_at) / f.steps
    ORDER BY n.index, f.steps`)
  const forecasts = new Map(found.map((row) => [row.index, row]))
  return news.map((row, index) => {
    const forecast = forecasts.get(index)
    return forecast ? addForecast(row, forecast) : row
  })
}

/** Not about a text, nor about the total or mean of several values. */
function isAboutNumber({ facts }: NewsRow): boolean {
  return 'current_value' in facts && !('window' in facts)
}
