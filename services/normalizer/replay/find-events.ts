import { z } from 'zod'
import { type Database, sql, type SqlFragment } from '#runtime/postgres/database.ts'

/** Which payloads a replay reads again. Times in ms since 1970, of observation. Null: all. */
export type Selection = {
  data_source_id: number
  companies: readonly string[] | null
  observed_from: number | null
  observed_to: number | null
}

const eventRow = z.object({
  event_no: z.number(),
  event_id: z.string(),
  document: z.string(),
  map_version: z.number().nullable(),
  received: z.string(),
  received_at: z.number(),
  observed_at: z.number(),
})
/** `received`: as Postgres writes it. `map_version`: by which it was understood. */
export type ReplayedEvent = z.output<typeof eventRow>

/** Of rows `p` of the ledger: the first one of an event. */
function isSelected({ data_source_id, companies, observed_from, observed_to }: Selection): SqlFragment {
  const conditions = [sql.fragment`p.data_source_id = ${data_source_id}`]
  if (companies !== null) conditions.push(sql.fragment`p.company_id = ANY(${sql.array([...companies], 'text')})`)
  if (observed_from !== null) conditions.push(sql.fragment`p.observed_at >= ${isoOf(observed_from)}::timestamptz`)
  if (observed_to !== null) conditions.push(sql.fragment`p.observed_at < ${isoOf(observed_to)}::timestamptz`)
  conditions.push(sql.fragment`NOT EXISTS (
    SELECT FROM normalizer.processed_event f WHERE f.event_id = p.event_id AND f.event_no < p.event_no)`)
  return sql.fragment`${sql.join(conditions, sql.fragment` AND `)}`
}

const isoOf = (ms: number) => new Date(ms).toISOString()

const countRow = z.object({
  payloads: z.number(),
  companies: z.number(),
  first: z.number().nullable(),
  last: z.number().nullable(),
  until_no: z.number().nullable(),
})

/** How much a replay would read. `first`, `last`: observed times in ms. */
export async function countEvents(connection: Pick<Database, 'one'>, selection: Selection) {
  return connection.one(sql.type(countRow)`
    SELECT count(*)::int AS payloads, count(DISTINCT company_id)::int AS companies, min(observed_at) AS first,
      max(observed_at) AS last, max(event_no) AS until_no
    FROM normalizer.processed_event p WHERE ${isSelected(selection)}`)
}

/** The next payloads of a replay, by time of receipt. */
export async function findEvents(
  database: Database,
  replay: Selection & { cursor_at: string; cursor_no: number; until_no: number },
  count: number,
): Promise<readonly ReplayedEvent[]> {
  return database.any(sql.type(eventRow)`
    SELECT p.event_no, p.event_id, p.document, p.map_version, p.received_at::text AS received, p.received_at, p.observed_at
    FROM normalizer.processed_event p
    WHERE ${isSelected(replay)} AND p.event_no <= ${replay.until_no}
      AND (p.received_at, p.event_no) > (${replay.cursor_at}::timestamptz, ${replay.cursor_no})
    ORDER BY p.received_at, p.event_no LIMIT ${count}`)
}
