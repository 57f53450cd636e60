import { z } from 'zod'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { paging } from '../ask/parameters.ts'
import { readDays, type UsageDay } from '../batch/usage.ts'
import { cutPage, readCursor } from '../http/cursor.ts'
import { type DeskSource, readDeskSource, sourcesPath } from './read-sources.ts'

const pageSize = 25
/** Rows of what is listed beside the runs. */
const most = 50
/** Days of what it has sent, today included. */
const usageDays = 7

export const sourcePageQuery = z.object({
  cursor: paging.cursor,
  change: z.uuid().optional().describe('The change that led here.'),
})

const runRow = z.object({
  task_id: z.int(),
  schedule_type: z.string(),
  slot: z.number(),
  attempt: z.int(),
  started_at: z.number(),
  finished_at: z.number().nullable(),
  fed: z.int(),
  error_count: z.int(),
  outcome: z.enum(['ok', 'partial', 'failed']).nullable(),
  reason: z.string().nullable(),
})

const missedRow = z.object({ from_slot: z.number(), to_slot: z.number(), slots: z.int(), reason: z.string() })
const driftRow = z.object({ kind: z.string(), subject: z.string(), message: z.string(), opened_at: z.number() })
const refusedRow = z.object({
  reason: z.string(),
  payloads: z.int(),
  leaves: z.int(),
  path: z.string(),
  newest: z.number(),
})

const suspectRow = z.object({
  run_no: z.int(),
  task_id: z.int().nullable(),
  message: z.string(),
  suspected_at: z.number(),
  held: z.int(),
  flagged: z.int(),
})
export type SuspectRun = z.output<typeof suspectRow>

/** What the page of a source shows besides its row of the list. */
export type SourceView = {
  source: DeskSource
  runs: z.output<typeof runRow>[]
  next: string | null
  missed: readonly z.output<typeof missedRow>[]
  drift: readonly z.output<typeof driftRow>[]
  refused: readonly z.output<typeof refusedRow>[]
  usage: readonly UsageDay[]
  /** Runs about which an operator has to decide. */
  suspects: readonly SuspectRun[]
}

const position = z.tuple([z.number(), z.int32()])

/** Null: the source does not exist. Throws an HttpError with 400 for a wrong cursor. */
export async function readSourceView(
  database: Database,
  id: number,
  { cursor }: z.output<typeof sourcePageQuery>,
): Promise<SourceView | null> {
  const asked = { route: `${sourcesPath}/${id}`, parameters: {} }
  const after = cursor === undefined ? null : readCursor(position, asked, cursor)
  const source = await readDeskSource(database, id)
  if (source === null) return null
  const isBefore = after
    ? sql.fragment`(started_at, task_id) < (to_timestamp(${after[0]}::float8 / 1000), ${after[1]}::int)`
    : sql.fragment`true`
  const [found, missed, drift, refused, usage, suspects] = await Promise.all([
    database.any(sql.type(runRow)`
      SELECT task_id, schedule_type, slot, attempt, date_trunc('milliseconds', started_at) AS started_at, finished_at, fed,
        error_count, outcome, reason
      FROM scheduler.run_view
      WHERE data_source_id = ${id} AND started_at IS NOT NULL AND ${isBefore}
      ORDER BY started_at DESC, task_id DESC LIMIT ${pageSize + 1}`),
    database.any(sql.type(missedRow)`
      SELECT from_slot, to_slot, slots, reason FROM scheduler.missed_view
      WHERE data_source_id = ${id} ORDER BY to_slot DESC LIMIT ${most}`),
    database.any(sql.type(driftRow)`
      SELECT kind, subject, message, opened_at FROM normalizer.incident_view
      WHERE data_source_id = ${id} AND resolved_at IS NULL ORDER BY opened_at DESC, kind, subject LIMIT ${most}`),
    database.any(sql.type(refusedRow)`
      SELECT reason, count(DISTINCT event_no)::int AS payloads, sum(leaves)::int AS leaves, min(path) AS path,
        max(refused_at) AS newest
      FROM normalizer.refusal_view WHERE data_source_id = ${id} AND reason <> 'unmapped' AND NOT ignored
      GROUP BY reason ORDER BY payloads DESC, reason`),
    readDays(database, id, usageDays),
    database.any(sql.type(suspectRow)`
      SELECT run_no, task_id, coalesce(message, '') AS message, suspected_at, held, flagged FROM analyzer.suspect_run_view
      WHERE data_source_id = ${id} ORDER BY run_no DESC LIMIT ${most}`),
  ])
  const { rows: runs, next } = cutPage(asked, found, pageSize, ({ started_at, task_id }) => [started_at, task_id])
  return { source, runs, next, missed, drift, refused, usage: usage ?? [], suspects }
}
