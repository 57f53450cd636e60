import { z } from 'zod'
import { column } from '#runtime/postgres/column.ts'
import { type Database, sql } from '#runtime/postgres/database.ts'
import type { Feed } from './freshness.ts'

const feedRow = z.object({ company_id: z.number(), observed_at: z.number(), every_ms: z.number().nullable() })

/** What the sources of companies have brought last, by company. */
export async function readFeeds(database: Database, companyIds: readonly number[]): Promise<Map<number, Feed[]>> {
  const rows = await database.any(sql.type(feedRow)`
    SELECT f.company_id, (extract(epoch FROM f.observed_at) * 1000)::float8 AS observed_at, f.every_ms
    FROM public.data_source d
    CROSS JOIN unnest(${column(companyIds, 'int4', (id) => id)}) AS c (id)
    JOIN analyzer.feed_view f ON f.data_source_id = d.id AND f.company_id = c.id`)
  const groups = Map.groupBy(rows, ({ company_id }) => company_id)
  return new Map(
    [...groups].map(([id, group]) => [
      id,
      group.map(({ observed_at, every_ms }) => ({ observedAt: observed_at, everyMs: every_ms })),
    ]),
  )
}
