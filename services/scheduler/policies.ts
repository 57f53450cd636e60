import { z } from 'zod'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { type Policy, policyRow } from '#runtime/plan/read-policy.ts'

/** Columns of policy `p` for `policyRow`. */
export const policyColumns = sql.fragment`p.cron, p.zone, p.jitter_seconds, to_char(p.window_from, 'HH24:MI') AS window_from,
  to_char(p.window_to, 'HH24:MI') AS window_to, p.catch_up, p.max_attempts, p.backoff_seconds, p.may_overlap`

/** Whether policy `p` pauses its source now. */
export const isPaused = sql.fragment`(p.paused_at IS NOT NULL AND coalesce(p.paused_until > now(), true))`

/** Runs `change` on the policy of a source under a lock and records who did what, with the policy before and after. The audit row is its caller's. */
export async function changeWithRecord(
  tx: Transaction,
  sourceId: number,
  { by, what }: { by: string; what: string },
  change: (policy: Policy) => Promise<void>,
): Promise<void> {
  await tx.query(sql.unsafe`
    INSERT INTO scheduler.source_policy (data_source_id) VALUES (${sourceId}) ON CONFLICT DO NOTHING`)
  const policy = await tx.one(sql.type(policyRow)`
    SELECT ${policyColumns} FROM scheduler.source_policy p WHERE data_source_id = ${sourceId} FOR UPDATE`)
  const row = sql.fragment`(SELECT to_jsonb(p) - 'data_source_id' FROM scheduler.source_policy p WHERE data_source_id = ${sourceId})`
  const { change_no } = await tx.one(sql.type(z.object({ change_no: z.number() }))`
    INSERT INTO scheduler.policy_change (data_source_id, by, what, before, audited) VALUES (${sourceId}, ${by}, ${what}, ${row}, true)
    RETURNING change_no`)
  await change(policy)
  await tx.query(sql.unsafe`UPDATE scheduler.policy_change SET after = ${row} WHERE change_no = ${change_no}`)
}

export async function writePolicy(tx: Transaction, sourceId: number, policy: Policy): Promise<void> {
  await tx.query(sql.unsafe`
    UPDATE scheduler.source_policy
    SET cron = ${policy.cron}, zone = ${policy.zone}, jitter_seconds = ${policy.jitter_seconds},
      window_from = ${policy.window_from}::time, window_to = ${policy.window_to}::time, catch_up = ${policy.catch_up},
      max_attempts = ${policy.max_attempts}, backoff_seconds = ${policy.backoff_seconds}, may_overlap = ${policy.may_overlap}
    WHERE data_source_id = ${sourceId}`)
}
