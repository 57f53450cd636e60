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
  const stepSeconds = Math.max(1, (now - since) / steps / 1000)
  const rows = await database.any(sql.type(recentRow)`
    SELECT s.series_id,
      json_agg(floor(extract(epoch FROM v.observed_at) * 1000) ORDER BY v.observed_at) AS times,
      json_agg(v.number ORDER BY v.observed_at) AS numbers
    FROM (
      SELECT ${idOfSeries} AS series_id, s.company_measurement_id, s.subject_key, s.item_key
      FROM analyzer.series_view s
      WHERE s.company_measurement_id = ANY(${column(seriesIds, 'int4', (id) => Number(id.split('-')[0]))})
    ) s
    CROSS JOIN LATERAL (
      SELECT DISTINCT ON (step)
        floor((extract(epoch FROM v.observed_at) - ${since / 1000}::float8) / ${stepSeconds}::float8) AS step,
        v.observed_at, v.number
      FROM normalizer.value_view v
      WHERE v.company_measurement_id = s.company_measurement_id AND v.subject_id = s.subject_key
        AND v.item_id IS NOT DISTINCT FROM s.item_key AND v.number IS NOT NULL
        AND v.observed_at >= ${new Date(since).toISOString()}::timestamptz
      ORDER BY step, v.observed_at DESC, v.event_no DESC, v.seq DESC
    ) v
    WHERE s.series_id = ANY(${column(seriesIds, 'text', (id) => id)})
    GROUP BY s.series_id`)
  const toPoints = (times: readonly number[], numbers: readonly number[]): Valued[] =>
    times.map((at, place) => ({ at, value: numbers[place] as number }))
  return new Map(rows.map(({ series_id, times, numbers }) => [series_id, toPoints(times, numbers)]))
}
