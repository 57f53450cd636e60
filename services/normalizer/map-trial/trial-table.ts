import { z } from 'zod'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { holdLease } from '../hold-lease.ts'
import type { KeptObservations } from './keep-observations.ts'
import type { ShortReport } from './shorten-report.ts'

const trialRow = z.object({
  trial_id: z.string(),
  data_source_id: z.number(),
  content: z.string(),
  last: z.number(),
  attempts: z.number(),
})

/** A dry run that this process works on. */
export type Trial = z.output<typeof trialRow>

/** After this time without a sign another process takes the trial up again. */
const leaseMs = 8000

/** Takes the oldest trial that no other process works on; null: there is none. */
export function claimTrial(database: Database): Promise<Trial | null> {
  return database.maybeOne(sql.type(trialRow)`
    UPDATE normalizer.map_trial SET leased_until = now() + ${leaseMs} * interval '1 ms', attempts = attempts + 1
    WHERE trial_id = (
      SELECT trial_id FROM normalizer.map_trial
      WHERE state = 'running' AND (leased_until IS NULL OR leased_until < now())
      ORDER BY asked_at LIMIT 1 FOR UPDATE SKIP LOCKED
    )
    RETURNING trial_id, data_source_id, content, last, attempts`)
}

/** Does `work` on a trial, which no other process takes up meanwhile. */
export function holdTrial<T>(database: Database, { trial_id }: Trial, work: () => Promise<T>): Promise<T> {
  const extend = () =>
    database.query(sql.unsafe`
      UPDATE normalizer.map_trial SET leased_until = now() + ${leaseMs} * interval '1 ms'
      WHERE trial_id = ${trial_id} AND state = 'running'`)
  return holdLease(leaseMs, extend, work)
}

/** A trial that was made. `observed`: what the analyzer judges; null: it is too large. */
export type Done = { state: 'done'; report: ShortReport; observed: KeptObservations | null }

export async function endTrial(
  database: Database,
  { trial_id }: Trial,
  end: Done | { state: 'failed'; message: string },
): Promise<void> {
  const [report, message, observed] =
    end.state === 'done' ? [JSON.stringify(end.report), '', end.observed] : [null, end.message, null]
  const bytes = (side: Buffer | undefined) => (side === undefined ? null : sql.binary(side))
  await database.query(sql.unsafe`
    UPDATE normalizer.map_trial SET state = ${end.state}, message = ${message}, report = ${report}::jsonb,
      finished_at = now(), leased_until = NULL, event_ids = ${observed && sql.array([...observed.eventIds], 'uuid')},
      observed_before = ${bytes(observed?.before)}, observed_after = ${bytes(observed?.after)}
    WHERE trial_id = ${trial_id} AND state = 'running'`)
}
