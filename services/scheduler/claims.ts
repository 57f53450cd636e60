import { z } from 'zod'
import { type Database, sql, type Transaction } from '#runtime/postgres/database.ts'
import { utcNow } from '#runtime/postgres/public-tables.ts'
import type { Config } from './config.ts'
import { findRefused, pickDue } from './pick-due.ts'
import { lockModules } from './circuit-breaker.ts'
import { needsWork } from './idle-until.ts'
import { writePlans } from './write-slots.ts'
import { readSources, type SourceState } from './sources.ts'

const claimRow = z.object({
  task_id: z.number(),
  data_source_id: z.number(),
  source_name: z.string(),
  endpoint: z.string(),
  max_run_seconds: z.number(),
  attempt: z.number(),
  /** The most attempts that the task gets. */
  max_attempts: z.number(),
  /** The companies of a run on demand; null: all that are linked. */
  only_companies: z.array(z.number()).nullable(),
  /** Raised by each claim, so that what an earlier claim writes changes nothing. */
  claim_token: z.number(),
})

/** One attempt at one task that this process has to carry out. */
export type Claim = z.output<typeof claimRow>

/**
 * Keeps the locks of a transaction far below the room that Postgres has (max_locks_per_transaction × max_connections).
 */
const sourcesPerTransaction = 500

/** Half of an advisory lock's key; the other half is the data source. */
const lockClass = 0x5ced

/**
 * Plans the slots of all sources and claims due tasks: at most `limit`, one of each source, none of a source that has
 * one running, and no more of a module than it takes at once. Each task is claimed by one process, however many do this
 * at once. `sources` only say where there may be work; what is done is decided on the state that is read under the
 * lock. `missed`: another process holds one of these sources.
 */
export async function claimDue(
  settings: Config,
  database: Database,
  sources: readonly SourceState[],
  limit: number,
): Promise<{ claims: Claim[]; missed: boolean }> {
  // Sources of one module stand together, so that few modules fall into two transactions.
  const wanting = sources
    .filter((source) => needsWork(source, source.now))
    .sort((a, b) => (a.module ?? '').localeCompare(b.module ?? '') || a.id - b.id)
  const claims: Claim[] = []
  let missed = false
  for (let at = 0; at < wanting.length; at += sourcesPerTransaction) {
    const chunk = wanting.slice(at, at + sourcesPerTransaction)
    const done = await database.transaction(async (tx) => {
      const ours = await lockSources(tx, chunk)
      const read = () => readSources(settings, tx, ours)
      // Only a statement that begins after the lock is held sees what its last holder did, and one after the plan its
      // slots.
      const fresh = await read()
      const planned = (await writePlans(tx, fresh)) ? await read() : fresh
      await endRefused(tx, planned)
      const due = pickWithRoom(planned, settings)
      return { missed: ours.length < chunk.length, claimed: await claimTasks(settings, tx, due, limit - claims.length) }
    })
    claims.push(...done.claimed)
    missed ||= done.missed
  }
  return { claims, missed }
}

/** The due tasks, oldest first, as many of a module as it takes at once; one when its circuit breaker was open. */
function pickWithRoom(sources: readonly SourceState[], settings: Config): number[] {
  const begun = new Map<string, number>()
  const due = sources.flatMap((source) => {
    const task = pickDue(source, source.now)
    return task ? [{ source, task }] : []
  })
  return due
    .sort((a, b) => a.task.slot - b.task.slot)
    .filter(({ source: { module, module_runs, breaker_open_until } }) => {
      if (module === null) return true
      const runs = (begun.get(module) ?? module_runs) + 1
      if (runs > (breaker_open_until === null ? settings.MODULE_RUNS_AT_ONCE : 1)) return false
      begun.set(module, runs)
      return true
    })
    .map(({ task }) => task.task_id)
}

/**
 * Locks those of `sources` that no other process holds, nor their module, until the transaction ends. Does not wait.
 */
async function lockSources(tx: Transaction, sources: readonly SourceState[]): Promise<number[]> {
  const modules = await lockModules(tx, [...new Set(sources.flatMap(({ module }) => module ?? []))])
  const free = sources.filter(({ module }) => module === null || modules.has(module)).map(({ id }) => id)
  const rows = await tx.anyFirst(sql.type(z.object({ id: z.number() }))`
    WITH source AS MATERIALIZED (SELECT unnest(${sql.array(free, 'int4')}) AS id)
    SELECT id FROM source WHERE pg_try_advisory_xact_lock(${lockClass}, id)`)
  return [...rows]
}

/** Ends the tasks on demand of sources that are off. parma-web shows `result_summary`. */
async function endRefused(tx: Transaction, sources: readonly SourceState[]): Promise<void> {
  const rows = sources.flatMap((source) => {
    const reason = source.off === 'paused' ? 'the source is paused' : 'the source is switched off'
    return findRefused(source, source.now).map(({ task_id }) => [task_id, reason])
  })
  if (rows.length === 0) return
  await tx.query(sql.unsafe`
    WITH ended AS (
      UPDATE public.scheduled_task t SET status = 'FAILED', ended_at = ${utcNow}, result_summary = r.reason
      FROM ${sql.unnest(rows, ['int4', 'text'])} AS r (task_id, reason)
      WHERE t.task_id = r.task_id AND t.status = 'PENDING' AND t.attempts <= 0
      RETURNING t.*, r.reason
    )
    INSERT INTO scheduler.run AS run (task_id, data_source_id, schedule_type, slot, claim_token, attempt, outcome, reason, settled_at, excused)
    SELECT task_id, data_source_id, schedule_type, scheduled_at AT TIME ZONE 'UTC', 0, 0, 'failed', reason, now(), true FROM ended
    ON CONFLICT (task_id) DO UPDATE
    SET outcome = 'failed', reason = excluded.reason, settled_at = now(), excused = true, judged = false`)
}

async function claimTasks(
  settings: Config,
  tx: Transaction,
  taskIds: readonly number[],
  limit: number,
): Promise<readonly Claim[]> {
  if (taskIds.length === 0 || limit <= 0) return []
  return tx.any(sql.type(claimRow)`
    WITH locked AS (
      SELECT task_id FROM public.scheduled_task
      WHERE task_id = ANY(${sql.array([...taskIds], 'int4')}) AND status = 'PENDING'
      ORDER BY scheduled_at, task_id LIMIT ${limit}
      FOR UPDATE SKIP LOCKED
    ), started AS (
      UPDATE public.scheduled_task t
      SET status = 'PROCESSING', attempts = least(greatest(t.attempts, 0), 1000000) + 1, started_at = ${utcNow}, ended_at = NULL,
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
        called_at = NULL, call_seen_at = NULL, call_ended_at = NULL, call_error = NULL, call_reached = NULL, retry_at = NULL,
        finished_at = NULL, finish_late = false, error_count = 0, outcome = NULL, reason = NULL, settled_at = NULL,
        excused = false
      RETURNING task_id, claim_token, only_companies
    )
    SELECT task_id, data_source_id, source_name, invocation_endpoint AS endpoint, max_run_seconds, attempts AS attempt,
      coalesce(p.max_attempts, ${settings.MAX_ATTEMPTS}) AS max_attempts, only_companies, claim_token
    FROM started JOIN run USING (task_id) LEFT JOIN scheduler.source_policy p USING (data_source_id)
    ORDER BY scheduled_at, task_id`)
}
