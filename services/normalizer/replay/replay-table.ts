import { z } from 'zod'
import { type Database, sql, type Transaction } from '#runtime/postgres/database.ts'
import { holdLease } from '../hold-lease.ts'
import { emptyReport, mergeReport, type Report } from './report.ts'

// Written here alone.
const storedReport = z.custom<Partial<Report>>().transform((report): Report => ({ ...emptyReport(), ...report }))

const replayRow = z.object({
  replay_no: z.number(),
  data_source_id: z.number(),
  companies: z.array(z.string()).nullable(),
  observed_from: z.number().nullable(),
  observed_to: z.number().nullable(),
  mode: z.enum(['compare', 'fill', 'replace']),
  map: z.string(),
  map_version: z.number().nullable(),
  rate: z.number().nullable(),
  reason: z.string(),
  until_no: z.number(),
  done: z.number(),
  cursor_at: z.string(),
  cursor_no: z.number(),
  attempts: z.number(),
  has_source: z.boolean(),
})

/** A replay that this process works on. `cursor_at`: as Postgres writes it. */
export type Replay = z.output<typeof replayRow>

/** By what the ledger knows the rows of a replay. */
export const replayIdOf = ({ replay_no }: Pick<Replay, 'replay_no'>): string => `replay/${replay_no}`

/** After this time without a sign another process goes on with the replay. */
const leaseMs = 8000

/** Takes the oldest replay that runs and that no other process works on; null: there is none. */
export async function claimReplay(database: Database, runner: string): Promise<Replay | null> {
  return database.maybeOne(sql.type(replayRow)`
    UPDATE normalizer.replay SET leased_until = now() + ${leaseMs} * interval '1 ms', runner = ${runner},
      attempts = attempts + 1
    WHERE replay_no = (
      SELECT replay_no FROM normalizer.replay
      WHERE state = 'running' AND (runner = ${runner} OR leased_until IS NULL OR leased_until < now())
      ORDER BY replay_no LIMIT 1 FOR UPDATE SKIP LOCKED
    )
    RETURNING replay_no, data_source_id, companies, observed_from, observed_to, mode, map, map_version, rate, reason,
      until_no, done, cursor_at::text, cursor_no, attempts,
      EXISTS (SELECT FROM public.data_source s WHERE s.id = data_source_id) AS has_source`)
}

/** Does `work` on a replay, which no other process takes over meanwhile, however long it lasts. */
export function holdReplay<T>(
  database: Database,
  { replay_no }: Replay,
  runner: string,
  work: () => Promise<T>,
): Promise<T> {
  const extend = () =>
    database.query(sql.unsafe`
      UPDATE normalizer.replay SET leased_until = now() + ${leaseMs} * interval '1 ms'
      WHERE replay_no = ${replay_no} AND runner = ${runner} AND state = 'running'`)
  return holdLease(leaseMs, extend, work)
}

/** An outage says nothing about the payloads: what it has stopped was no attempt. */
export async function uncountAttempt(database: Database, { replay_no, attempts }: Replay): Promise<void> {
  await database.query(sql.unsafe`
    UPDATE normalizer.replay SET attempts = ${attempts - 1} WHERE replay_no = ${replay_no} AND attempts = ${attempts}`)
}

export async function setMapVersion(database: Database, { replay_no }: Replay, version: number): Promise<void> {
  await database.query(sql.unsafe`
    UPDATE normalizer.replay SET map_version = ${version} WHERE replay_no = ${replay_no}`)
}

/** The replay has been taken over, or canceled: what this process is about to note of it must not stay. */
export class LostReplay extends Error {}

/** How far a replay is. `at`: as Postgres writes it. */
export type Cursor = { at: string; no: number }

const reportRow = z.object({ report: storedReport })

/** What was found of payloads, with the stored report of their replay, which nobody else changes until `tx` ends. */
async function addToStored(
  tx: Transaction,
  { replay_no, cursor_no }: Replay,
  runner: string,
  found: Report,
): Promise<string> {
  const report = await tx.maybeOneFirst(sql.type(reportRow)`
    SELECT report FROM normalizer.replay
    WHERE replay_no = ${replay_no} AND runner = ${runner} AND cursor_no = ${cursor_no} AND state <> 'canceled'
    FOR UPDATE`)
  if (report === null) throw new LostReplay()
  mergeReport(report, found)
  return JSON.stringify(report)
}

/** Notes what was found of payloads, in the transaction of what they changed. */
export async function noteFound(tx: Transaction, replay: Replay, runner: string, found: Report): Promise<void> {
  const report = await addToStored(tx, replay, runner, found)
  await tx.query(sql.unsafe`
    UPDATE normalizer.replay SET report = ${report}::jsonb WHERE replay_no = ${replay.replay_no}`)
}

/** Notes how far a replay is, when all before took effect, and what was found that has no effect. */
export async function moveCursor(
  tx: Transaction,
  replay: Replay,
  runner: string,
  { cursor, done, found }: { cursor: Cursor; done: number; found: Report },
): Promise<void> {
  const report = await addToStored(tx, replay, runner, found)
  await tx.query(sql.unsafe`
    UPDATE normalizer.replay SET cursor_at = ${cursor.at}::timestamptz, cursor_no = ${cursor.no}, done = ${done},
      report = ${report}::jsonb, attempts = 0, leased_until = now() + ${leaseMs} * interval '1 ms'
    WHERE replay_no = ${replay.replay_no}`)
}

export async function endReplay(
  database: Database,
  { replay_no }: Replay,
  state: 'done' | 'failed',
  message: string,
): Promise<void> {
  await database.query(sql.unsafe`
    UPDATE normalizer.replay SET state = ${state}, message = ${message}, finished_at = now(), leased_until = NULL
    WHERE replay_no = ${replay_no} AND state = 'running'`)
}
