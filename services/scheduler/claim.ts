import { z } from 'zod'
import { type Database, sql, type Transaction } from '#runtime/postgres.ts'
import { utcNow } from '#runtime/public-tables.ts'
import type { Config } from './config.ts'
import { changesSlots, planSlots } from './due.ts'
import { writePlans } from './slots.ts'
import { readSources, type SourceState } from './sources.ts'

const claimRow = z.object({
  task_id: z.number(),
  data_source_id: z.number(),
  source_name: z.string(),
  endpoint: z.string(),
  max_run_seconds: z.number(),
  attempt: z.number(),
  /** Proof of this claim: writes of an earlier one change nothing. */
  claim_token: z.number(),
})

/** One attempt of one task, ours to carry out. */
export type Claim = z.output<typeof claimRow>

/** Locks held at once stay far below what Postgres has room for (max_locks_per_transaction × max_connections). */
const sourcesPerTransaction = 500

/** Half of an advisory lock's key; the other half is the data source. */
const lockClass = 0x5ced

/**
 * Plans the slots of all sources and claims what is due: at most `limit` tasks, one of each source, and none of a source
 * that has one under way. However many processes do this at once, each task is claimed by one. `sources` tell where there
 * is work at all; what is done is decided on their state under a lock. `missed`: another process worked on one of them.
 */
export async function claimDue(
  database: Database,
  settings: Config,
  sources: readonly SourceState[],
  limit: number,
): Promise<{ claims: Claim[]; missed: boolean }> {
  const wanting = sources.filter(needsWork).map(({ id }) => id)
  const claims: Claim[] = []
  let missed = false
  for (let at = 0; at < wanting.length; at += sourcesPerTransaction) {
    const chunk = wanting.slice(at, at + sourcesPerTransaction)
    const done = await database.transaction(async (tx) => {
      const ours = await lockSources(tx, chunk)
      const read = () => readSources(tx, settings, ours)
      // Only a statement begun after the lock is held sees what its last holder did, and one after a plan sees its slots.
      const fresh = await read()
      const planned = (await writePlans(tx, fresh)) ? await read() : fresh
      const due = planned.flatMap(({ due_task_id }) => due_task_id ?? [])
      return { missed: ours.length < chunk.length, claimed: await claimTasks(tx, due, limit - claims.length) }
    })
    claims.push(...done.claimed)
    missed ||= done.missed
  }
  return { claims, missed }
}

function needsWork(source: SourceState): boolean {
  return source.due_task_id !== null || changesSlots(planSlots(source, source.now))
}

/** Those of `ids` that no other process works on now; ours until the transaction ends. Waits for nobody. */
async function lockSources(tx: Transaction, ids: readonly number[]): Promise<number[]> {
  const rows = await tx.anyFirst(sql.type(z.object({ id: z.number() }))`
    WITH source AS MATERIALIZED (SELECT unnest(${sql.array([...ids], 'int4')}) AS id)
    SELECT id FROM source WHERE pg_try_advisory_xact_lock(${lockClass}, id)`)
  return [...rows]
}

async function claimTasks(tx: Transaction, taskIds: readonly number[], limit: number): Promise<readonly Claim[]> {
  if (taskIds.length === 0 || limit <= 0) return []
  return tx.any(sql.type(claimRow)`
    WITH locked AS (
      SELECT task_id FROM public.scheduled_task
      WHERE task_id = ANY(${sql.array([...taskIds], 'int4')}) AND status = 'PENDING'
      ORDER BY scheduled_at, task_id LIMIT ${limit}
      FOR UPDATE SKIP LOCKED
    ), started AS (
      UPDATE public.scheduled_task t
      SET status = 'PROCESSING', attempts = t.attempts + 1, started_at = ${utcNow}, ended_at = NULL,
        -- parma-web gives every task on demand its column default, whatever the source says.
        max_run_seconds = CASE t.schedule_type WHEN 'ON_DEMAND' THEN s.max_run_seconds ELSE t.max_run_seconds END
      FROM locked, public.data_source s
      WHERE t.task_id = locked.task_id AND s.id = t.data_source_id
      RETURNING t.*, s.source_name, s.invocation_endpoint
    ), run AS (
      INSERT INTO scheduler.run AS run (task_id, data_source_id, schedule_type, slot, claim_token, attempt, started_at)
      SELECT task_id, data_source_id, schedule_type, scheduled_at AT TIME ZONE 'UTC', 1, attempts, now() FROM started
      ON CONFLICT (task_id) DO UPDATE
      SET claim_token = run.claim_token + 1, attempt = excluded.attempt, started_at = now(), slot = excluded.slot,
        called_at = NULL, call_ended_at = NULL, call_error = NULL, call_reached = NULL, retry_at = NULL,
        finished_at = NULL, finish_late = false, error_count = 0, outcome = NULL, reason = NULL, settled_at = NULL
      RETURNING task_id, claim_token
    )
    SELECT task_id, data_source_id, source_name, invocation_endpoint AS endpoint, max_run_seconds, attempts AS attempt, claim_token
    FROM started JOIN run USING (task_id)
    ORDER BY scheduled_at, task_id`)
}
