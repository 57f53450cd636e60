import { z } from 'zod'
import type { Valued } from '#runtime/chart/read-series.ts'
import { column } from '#runtime/postgres/column.ts'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { idOfSeries } from './series-id.ts'

const recentRow = z.object({ series_id: z.string(), times: z.array(z.number()), numbers: z.array(z.number()) })

/**
 * The numbers of series (by their ids) since a time in ms since 1970, in order: of each of `steps` equal parts of that time
 * the last one. A series without any is not in it.
 */
export async function readRecent(
  database: Database,
  seriesIds: readonly string[],
  { since, now, steps }: { since: number; now: number; steps: number },
): Promise<Map<string, Valued[]>> {
  const from = new Date(since).toISOString()
  const stepSeconds = Math.max(1, (now - since) / steps / 1000)
  // date_part and date_bin: an epoch as numeric takes as long as reading the value.
  const rows = await database.any(sql.type(recentRow)`
    SELECT s.series_id, v.times, v.numbers
    FROM (
      SELECT ${idOfSeries} AS series_id, s.company_measurement_id, s.subject_key, s.item_key
      FROM analyzer.series_view s
      WHERE s.company_measurement_id = ANY(${column(seriesIds, 'int4', (id) => Number(id.split('-')[0]))})
    ) s
    CROSS JOIN LATERAL (
      SELECT json_agg(floor(date_part('epoch', observed_at) * 1000)::int8 ORDER BY step) AS times,
        json_agg(number ORDER BY step) AS numbers
      FROM (
        SELECT DISTINCT ON (step)
          date_bin(${stepSeconds}::float8 * interval '1 second', v.observed_at, ${from}::timestamptz) AS step,
          v.observed_at, v.number
        FROM normalizer.value_view v
        WHERE v.company_measurement_id = s.company_measurement_id AND v.subject_id = s.subject_key
          AND v.item_id IS NOT DISTINCT FROM s.item_key AND v.number IS NOT NULL AND v.observed_at >= ${from}::timestamptz
        ORDER BY step, v.observed_at DESC, v.event_no DESC, v.seq DESC
      ) last
    ) v
    WHERE s.series_id = ANY(${column(seriesIds, 'text', (id) => id)}) AND v.times IS NOT NULL`)
  const toPoints = (times: readonly number[], numbers: readonly number[]): Valued[] =>
    times.map((at, place) => ({ at, value: numbers[place] as number }))
  return new Map(rows.map(({ series_id, times, numbers }) => [series_id, toPoints(times, numbers)]))
}
