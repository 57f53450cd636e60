import { z } from 'zod'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { allOf, contains } from '../ask/names.ts'
import { id, paging, words } from '../ask/parameters.ts'
import { cutPage, readCursor } from '../http/cursor.ts'
import { type Freshness, judgeFeed } from '../growth/freshness.ts'

export const freshnessPath = '/console/freshness'

const pageSize = 50
/** Sources side by side. */
const mostColumns = 12

export const freshnessQuery = z.object({
  q: words.optional().describe('Part of the name of a company.'),
  source: id.optional().describe('Only this source.'),
  show: z
    .enum(['all', 'late', 'failing', 'none'])
    .default('all')
    .describe('Only companies of which a source is late, fails, or has brought nothing yet.'),
  from: id.optional().describe('Sources from this id on.'),
  cursor: paging.cursor,
})

export type FreshnessQuery = z.output<typeof freshnessQuery>

const named = z.object({ id: z.int(), name: z.string() })
const cellRow = z.object({
  company_id: z.int(),
  data_source_id: z.int(),
  active: z.boolean(),
  observed_at: z.number().nullable(),
  every_ms: z.number().nullable(),
  failed_runs: z.int(),
})

/** What a source says of a company. Null: it is not asked about it. */
export type FreshnessCell = (Freshness & { failedRuns: number; isActive: boolean }) | null

export type FreshnessView = {
  sources: z.output<typeof named>[]
  /** The source that the next columns begin with; null: there are no more. */
  moreSources: number | null
  rows: { id: number; name: string; cells: FreshnessCell[] }[]
  companies: number
  next: string | null
  choices: readonly z.output<typeof named>[]
}

const position = z.tuple([z.string(), z.int32()])
const longestKey = 200

/** Companies by name and their sources by id. Throws an HttpError with 400 for a wrong cursor. */
export async function readFreshness(database: Database, query: FreshnessQuery, now: number): Promise<FreshnessView> {
  const { q, source, show, from, cursor } = query
  const asked = { route: freshnessPath, parameters: query }
  const after = cursor === undefined ? null : readCursor(position, asked, cursor)
  const key = sql.fragment`lower(left(c.name, ${longestKey}))`
  const isChosen = source === undefined ? sql.fragment`true` : sql.fragment`l.data_source_id = ${source}`
  const isShown = {
    all: source === undefined ? null : sql.fragment`true`,
    late: sql.fragment`f.every_ms IS NOT NULL AND extract(epoch FROM now() - f.observed_at) * 1000 > 2 * f.every_ms`,
    failing: sql.fragment`coalesce(k.failed_runs, 0) > 0`,
    none: sql.fragment`f.observed_at IS NULL`,
  }[show]
  const which = [
    q === undefined ? null : contains(sql.fragment`c.name`, q),
    isShown &&
      sql.fragment`c.id IN (
        SELECT l.company_id FROM public.company_data_source l
        LEFT JOIN analyzer.feed_view f USING (data_source_id, company_id)
        LEFT JOIN scheduler.company_source_view k USING (data_source_id, company_id)
        WHERE ${isChosen} AND ${isShown})`,
  ]
  const [columns, choices, { companies }, found] = await Promise.all([
    database.any(sql.type(named)`
      SELECT id, left(source_name, 200) AS name FROM public.data_source
      WHERE ${source === undefined ? sql.fragment`id >= ${from ?? 0}` : sql.fragment`id = ${source}`}
      ORDER BY id LIMIT ${mostColumns + 1}`),
    database.any(sql.type(named)`
      SELECT id, left(source_name, 200) AS name FROM public.data_source ORDER BY lower(source_name), id LIMIT 1000`),
    database.one(sql.type(z.object({ companies: z.int() }))`
      SELECT count(*)::int AS companies FROM public.company c WHERE ${allOf(which)}`),
    database.any(sql.type(named.extend({ key: z.string() }))`
      SELECT c.id, left(c.name, 200) AS name, ${key} AS key FROM public.company c
      WHERE ${allOf([...which, after && sql.fragment`(${key}, c.id) > (${after[0]}, ${after[1]}::int)`])}
      ORDER BY ${key}, c.id LIMIT ${pageSize + 1}`),
  ])
  const { rows, next } = cutPage(asked, found, pageSize, (row) => [row.key, row.id])
  const sources = columns.slice(0, mostColumns)
  const cells = await readCells(
    database,
    rows.map((row) => row.id),
    sources.map((one) => one.id),
  )
  return {
    sources,
    moreSources: columns[mostColumns]?.id ?? null,
    rows: rows.map((row) => ({
      ...{ id: row.id, name: row.name },
      cells: sources.map((one) => toCell(cells.get(`${row.id}/${one.id}`), now)),
    })),
    ...{ companies, next, choices },
  }
}

async function readCells(database: Database, companies: readonly number[], sources: readonly number[]) {
  const rows = await database.any(sql.type(cellRow)`
    SELECT l.company_id, l.data_source_id, l.is_data_source_active AS active, f.observed_at, f.every_ms,
      coalesce(k.failed_runs, 0) AS failed_runs
    FROM public.company_data_source l
    LEFT JOIN analyzer.feed_view f USING (data_source_id, company_id)
    LEFT JOIN scheduler.company_source_view k USING (data_source_id, company_id)
    WHERE l.company_id = ANY(${sql.array([...companies], 'int4')})
      AND l.data_source_id = ANY(${sql.array([...sources], 'int4')})`)
  return new Map(rows.map((row) => [`${row.company_id}/${row.data_source_id}`, row]))
}

function toCell(row: z.output<typeof cellRow> | undefined, now: number): FreshnessCell {
  if (!row) return null
  const judged = judgeFeed({ observedAt: row.observed_at, everyMs: row.every_ms }, now)
  return { ...judged, failedRuns: row.failed_runs, isActive: row.active }
}
