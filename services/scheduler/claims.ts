import { z } from 'zod'
import { type Database, sql, type Transaction } from '#runtime/postgres/database.ts'
import { utcNow } from '#runtime/postgres/public-tables.ts'
import type { Config } from './config.ts'
import { pickDue } from './pick-due.ts'
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
  /** How often the task is tried at most. */
  max_attempts: z.number(),
  /** The companies that it was asked for by hand; null: all that are linked. */
  only_companies: z.array(z.number()).nullable(),
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
 * Plans the slots of all sources and claims what is due: at most `limit` tasks, one of each source, none of a source
 * that has one under way, and no more of a module than it takes at once. However many processes do this at once, each
 * task is claimed by one. `sources` tell where there is work at all; what is done is decided on their state under a lock.
 * `missed`: another process worked on one of them.
 */
export async function claimDue(
  database: Database,
  settings: Config,
  sources: readonly SourceState[],
  limit: number,
): Promise<{ claims: Claim[]; missed: boolean }> {
  // Sources of one module stand together, so that few modules are cut in two.
  const wanting = sources
    .filter((source) => needsWork(source, source.now))
    .sort((a, b) => (a.module ?? '').localeCompare(b.module ?? '') || a.id - b.id)
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
      const due = pickWithRoom(planned, settings)
      return { missed: ours.length < chunk.length, claimed: await claimTasks(tx, settings, due, limit - claims.length) }
    })
    claims.push(...done.claimed)
    missed ||= done.missed
  }
  return { claims, missed }
}

/** The tasks that are due, the first ones of each module for as many as it takes at once. One that has failed gets one. */
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

/** Those of `sources` that no other process works on now, and whose module none does; ours until the transaction ends. Waits for nobody. */
async function lockSources(tx: Transaction, sources: readonly SourceState[]): Promise<number[]> {
  const modules = await lockModules(tx, [...new Set(sources.flatMap(({ module }) => module ?? []))])
  const free = sources.filter(({ module }) => module === null || modules.has(module)).map(({ id }) => id)
  const rows = await tx.anyFirst(sql.type(z.object({ id: z.number() }))`
    WITH source AS MATERIALIZED (SELECT unnest(${sql.array(free, 'int4')}) AS id)
    SELECT id FROM source WHERE pg_try_advisory_xact_lock(${lockClass}, id)`)
  return [...rows]
}

async function claimTasks(
  tx: Transaction,
  settings: Config,
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
        called_at = NULL, call_ended_at = NULL, call_error = NULL, call_reached = NULL, retry_at = NULL,
        finished_at = NULL, finish_late = false, error_count = 0, outcome = NULL, reason = NULL, settled_at = NULL,
        excused = false
      RETURNING task_id, claim_token, only_companies
    )
    SELECT task_id, data_source_id, source_name, invocation_endpoint AS endpoint, max_run_seconds, attempts AS attempt,
      coalesce(p.max_attempts, ${settings.MAX_ATTEMPTS}) AS max_attempts, only_companies, claim_token
    FROM started JOIN run USING (task_id) LEFT JOIN scheduler.source_policy p USING (data_source_id)
    ORDER BY scheduled_at, task_id`)
}
