import { z } from 'zod'
import { type Database, sql } from '#runtime/postgres/database.ts'
import type { SeriesKeys } from './series-id.ts'

const forecastRow = z.object({
  steps: z.int(),
  for_time: z.number(),
  made_at: z.number(),
  value: z.number(),
  low: z.number().nullable(),
  high: z.number().nullable(),
  mean_error: z.number().nullable(),
  model: z.string(),
})

/** What a series is expected to be so many values ahead. Times in ms since 1970; `low`, `high` null: not known yet. */
export type SeriesForecast = z.output<typeof forecastRow>

/** The newest forecasts of a series, the next value first. */
export function readForecasts(database: Database, keys: SeriesKeys): Promise<readonly SeriesForecast[]> {
  return database.any(sql.type(forecastRow)`
    SELECT steps, (extract(epoch FROM for_time) * 1000)::float8 AS for_time,
      (extract(epoch FROM made_at) * 1000)::float8 AS made_at, value, low, high, mean_error, model
    FROM analyzer.forecast_view
    WHERE company_measurement_id = ${keys.company_measurement_id} AND subject_key = ${keys.subject_key}
      AND item_key IS NOT DISTINCT FROM ${keys.item_key} ORDER BY steps`)
}
