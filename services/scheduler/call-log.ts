import { z } from 'zod'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { utcNow } from '#runtime/postgres/public-tables.ts'
import type { Claim } from './claims.ts'
import type { CallResult } from './module-client.ts'
import { deadline } from './times.ts'

/**
 * Records that the module is called now. False when the claim is no longer ours or its time is over: then the module
 * must not be called.
 */
export async function beginCall(database: Database, { task_id, claim_token }: Claim): Promise<boolean> {
  const ours = await database.maybeOneFirst(sql.type(z.object({ task_id: z.number() }))`
    UPDATE scheduler.run r SET called_at = now()
    FROM public.scheduled_task t
    WHERE r.task_id = ${task_id} AND r.claim_token = ${claim_token} AND t.task_id = r.task_id AND t.status = 'PROCESSING'
      AND ${deadline} > ${utcNow}
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
