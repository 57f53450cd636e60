import { z } from 'zod'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { utcNow } from '#runtime/postgres/public-tables.ts'
import { isPaused } from './policies.ts'

const stateRow = z.object({
  name: z.string(),
  is_active: z.boolean(),
  paused: z.boolean(),
  may_overlap: z.boolean(),
  waiting: z.number().nullable(),
  running: z.number().nullable(),
  unlinked: z.array(z.number()),
})

/** The task of a run on demand, or why there is none. */
export type RequestedRun = { task_id: number } | { refused: string }

/**
 * Creates a task that runs a source now, for `companies` or, with null, for all that are linked. Refused when the
 * source is off, when such a task is already waiting, or when the run would overlap with another one that it may not
 * overlap with.
 */
export async function requestRun(
  tx: Transaction,
  sourceId: number,
  companies: readonly number[] | null,
): Promise<RequestedRun> {
  const asked = sql.array([...(companies ?? [])], 'int4')
  // Only a statement that begins after the lock is held sees the tasks of others.
  await tx.query(sql.unsafe`SELECT FROM public.data_source WHERE id = ${sourceId} FOR NO KEY UPDATE`)
  const source = await tx.maybeOne(sql.type(stateRow)`
    SELECT s.source_name AS name, s.is_active, coalesce(p.may_overlap, false) AS may_overlap,
      ${isPaused} AS paused,
      (SELECT min(task_id) FROM public.scheduled_task t
        WHERE t.data_source_id = s.id AND status = 'PENDING' AND schedule_type = 'ON_DEMAND'
          -- One that asks again for refused companies is not what is requested.
          AND NOT EXISTS (SELECT FROM scheduler.run r WHERE r.task_id = t.task_id AND r.repeat_of IS NOT NULL)) AS waiting,
      (SELECT min(task_id) FROM public.scheduled_task t WHERE t.data_source_id = s.id AND status = 'PROCESSING') AS running,
      ARRAY(SELECT unnest(${asked}) EXCEPT
        SELECT company_id FROM public.company_data_source l WHERE l.data_source_id = s.id) AS unlinked
    FROM public.data_source s LEFT JOIN scheduler.source_policy p ON p.data_source_id = s.id WHERE s.id = ${sourceId}`)
  if (!source) return { refused: `there is no source ${sourceId}` }
  const { name, is_active, paused, may_overlap, waiting, running, unlinked } = source
  if (!is_active) return { refused: `${name} is switched off` }
  if (paused) return { refused: `${name} is paused` }
  if (unlinked.length > 0) return { refused: `${name} is not linked to company ${unlinked.join(', ')}` }
  if (waiting !== null) return { refused: `a run of ${name} is already waiting (task ${waiting})` }
  if (running !== null && !may_overlap)
    return { refused: `${name} is running (task ${running}) and its runs may not overlap` }
  return tx.one(sql.type(z.object({ task_id: z.number() }))`
    WITH task AS (
      INSERT INTO public.scheduled_task (data_source_id, schedule_type, scheduled_at, max_run_seconds)
      SELECT id, 'ON_DEMAND', ${utcNow}, max_run_seconds FROM public.data_source WHERE id = ${sourceId}
      RETURNING task_id, data_source_id, scheduled_at
    ), run AS (
      INSERT INTO scheduler.run (task_id, data_source_id, schedule_type, slot, claim_token, attempt, only_companies)
      SELECT task_id, data_source_id, 'ON_DEMAND', scheduled_at AT TIME ZONE 'UTC', 0, 0, ${companies === null ? null : asked}
      FROM task
    )
    SELECT task_id FROM task`)
}
