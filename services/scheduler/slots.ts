import { sql, type Transaction } from '#runtime/postgres.ts'
import { planSlots } from './due.ts'
import type { SourceState } from './sources.ts'

/**
 * Makes the planned rows of public.scheduled_task what `planSlots` says, and returns whether that changed any. Only for
 * sources whose lock is held.
 */
export async function writePlans(tx: Transaction, sources: readonly SourceState[]): Promise<boolean> {
  const plans = sources.map((source) => ({ id: source.id, ...planSlots(source, source.now) }))
  const create = plans.flatMap(({ id, create }) => (create === null ? [] : [{ id, slot: create }]))
  const move = plans.flatMap(({ move }) => move ?? [])
  const remove = plans.flatMap(({ remove }) => remove)
  // A row that somebody else started or deleted meanwhile is left alone: only what still waits is ours.
  const untouched = sql.fragment`t.status = 'PENDING' AND t.attempts = 0`
  if (create.length > 0)
    await tx.query(sql.unsafe`
      INSERT INTO public.scheduled_task (data_source_id, schedule_type, scheduled_at, max_run_seconds)
      SELECT s.id, 'REGULAR', to_timestamp(slot.at / 1000.0) AT TIME ZONE 'UTC', s.max_run_seconds
      FROM ${sql.unnest(
        create.map(({ id, slot }) => [id, slot]),
        ['int4', 'int8'],
      )} AS slot (id, at)
      JOIN public.data_source s ON s.id = slot.id
      FOR KEY SHARE OF s`)
  if (move.length > 0)
    await tx.query(sql.unsafe`
      UPDATE public.scheduled_task t SET scheduled_at = to_timestamp(slot.at / 1000.0) AT TIME ZONE 'UTC'
      FROM ${sql.unnest(
        move.map(({ task_id, slot }) => [task_id, slot]),
        ['int4', 'int8'],
      )} AS slot (task_id, at)
      WHERE t.task_id = slot.task_id AND ${untouched}`)
  if (remove.length > 0)
    await tx.query(sql.unsafe`
      DELETE FROM public.scheduled_task t WHERE t.task_id = ANY(${sql.array(remove, 'int4')}) AND ${untouched}`)
  return create.length + move.length + remove.length > 0
}
