import { z } from 'zod'
import type { Mark } from '#runtime/chart/read-series.ts'
import { column } from '#runtime/postgres/column.ts'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { seriesId } from './series-id.ts'

const markRow = z.object({ series_id: z.string(), at: z.number(), text: z.string() })

const idOfNews = seriesId(sql.fragment`n`, sql.fragment`n.subject_id`, sql.fragment`n.item_id`)

/** The newest `most` news items of series (by their ids) of a company that were told since a time, as pictures mark them. */
export async function readMarks(
  database: Database,
  seriesIds: readonly string[],
  { company, since, most }: { company: number; since: number; most: number },
): Promise<Map<string, Mark[]>> {
  const rows = await database.any(sql.type(markRow)`
    SELECT ${idOfNews} AS series_id, (extract(epoch FROM n.observed_at) * 1000)::float8 AS at, n.title AS text
    FROM analyzer.news_view n
    WHERE n.company_id = ${company} AND NOT n.silent AND n.observed_at >= ${new Date(since).toISOString()}::timestamptz
      AND n.company_measurement_id = ANY(${column(seriesIds, 'int4', (id) => Number(id.split('-')[0]))})
      AND ${idOfNews} = ANY(${column(seriesIds, 'text', (id) => id)})
    ORDER BY n.observed_at DESC, n.news_id DESC LIMIT ${most}`)
  const groups = Map.groupBy(rows, ({ series_id }) => series_id)
  return new Map([...groups].map(([id, group]) => [id, group.map(({ at, text }) => ({ at, text }))]))
}
