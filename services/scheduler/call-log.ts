import { z } from 'zod'
import { type Database, sql } from '#runtime/postgres/database.ts'
import type { Claim } from './claims.ts'
import type { Config } from './config.ts'
import type { CallResult } from './module-client.ts'
import { deadlineOf } from './times.ts'

/**
 * Records that the module is called now. False when the claim is no longer ours or its time is over: then the module
 * must not be called.
 */
export async function beginCall(
  settings: Pick<Config, 'LONGEST_RUN_SECONDS'>,
  database: Database,
  { task_id, claim_token }: Claim,
): Promise<boolean> {
  const ours = await database.maybeOneFirst(sql.type(z.object({ task_id: z.number() }))`
    UPDATE scheduler.run r SET called_at = now(), call_seen_at = now()
    FROM public.scheduled_task t
    WHERE r.task_id = ${task_id} AND r.claim_token = ${claim_token} AND t.task_id = r.task_id AND t.status = 'PROCESSING'
      AND ${deadlineOf(settings)} > now()
    RETURNING r.task_id`)
  return ours !== null
}

/** Records how the call of this claim ended. Changes nothing when the task has been claimed again. */
export async function endCall(
  database: Database,
  { task_id, claim_token }: Claim,
  { error, reached }: CallResult,
): Promise<void> {
  await database.query(sql.unsafe`
    UPDATE scheduler.run SET call_ended_at = now(), call_error = ${error}, call_reached = ${reached}
    WHERE task_id = ${task_id} AND claim_token = ${claim_token}`)
}

/**
 * Records that the calls of these claims are open, and returns the task ids of those whose attempt is over: it was ended
 * or claimed again, or its task was deleted.
 */
export async function seeCalls(database: Database, claims: readonly Claim[]): Promise<readonly number[]> {
  const rows = claims.map(({ task_id, claim_token }) => [task_id, claim_token])
  return database.anyFirst(sql.type(z.object({ task_id: z.number() }))`
    WITH call AS (
      SELECT * FROM ${sql.unnest(rows, ['int4', 'int8'])} AS c (task_id, claim_token)
    ), seen AS (
      UPDATE scheduler.run r SET call_seen_at = now()
      FROM (
        SELECT task_id FROM call JOIN scheduler.run USING (task_id, claim_token) JOIN public.scheduled_task t USING (task_id)
        WHERE t.status IN ('PROCESSING', 'SUCCESS') ORDER BY task_id FOR UPDATE OF run
      ) AS held
      WHERE r.task_id = held.task_id
      RETURNING r.task_id
    )
    SELECT task_id FROM call WHERE task_id NOT IN (SELECT task_id FROM seen)`)
}
