import { z } from 'zod'
import type { Valued } from '#runtime/chart/read-series.ts'
import { inHalves } from '#runtime/calls/in-halves.ts'
import { column } from '#runtime/postgres/column.ts'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { seriesId } from './series-id.ts'

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
  const halves = await inHalves(seriesIds, (half) => readHalf(database, half, from, stepSeconds))
  const toPoints = (times: readonly number[], numbers: readonly number[]): Valued[] =>
    times.map((at, place) => ({ at, value: numbers[place] as number }))
  return new Map(
    halves.flatMap(({ rows }) => rows.map(({ series_id, times, numbers }) => [series_id, toPoints(times, numbers)])),
  )
}

function readHalf(database: Database, seriesIds: readonly string[], from: string, stepSeconds: number) {
  const key = seriesId(sql.fragment`v`, sql.fragment`v.subject_id`, sql.fragment`v.item_id`)
  // All series at once: looked for one by one in each month, they take twice as long.
  // date_part and date_bin: an epoch as numeric takes as long as reading the value.
  return database.any(sql.type(recentRow)`
    SELECT series_id, json_agg(floor(date_part('epoch', observed_at) * 1000)::int8 ORDER BY step) AS times,
      json_agg(number ORDER BY step) AS numbers
    FROM (
      SELECT DISTINCT ON (v.company_measurement_id, v.subject_id, v.item_id, step)
        ${key} AS series_id, v.company_measurement_id, v.observed_at, v.number,
        date_bin(${stepSeconds}::float8 * interval '1 second', v.observed_at, ${from}::timestamptz) AS step
      FROM normalizer.value_view v
      WHERE v.company_measurement_id = ANY(${column(seriesIds, 'int4', (id) => Number(id.split('-')[0]))})
        AND v.number IS NOT NULL AND v.observed_at >= ${from}::timestamptz
        AND ${key} = ANY(${column(seriesIds, 'text', (id) => id)})
      ORDER BY v.company_measurement_id, v.subject_id, v.item_id, step, v.observed_at DESC, v.event_no DESC, v.seq DESC
    ) last
    GROUP BY company_measurement_id, series_id`)
}
