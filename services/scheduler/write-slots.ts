import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { changesSlots, planSlots } from '#runtime/plan/plan-slots.ts'
import type { SourceState } from './sources.ts'

/**
 * Writes the plans of these sources to public.scheduled_task and scheduler.missed, and returns whether any row changed.
 * The caller must hold the locks of the sources.
 */
export async function writePlans(tx: Transaction, sources: readonly SourceState[]): Promise<boolean> {
  const plans = sources.map((source) => ({ id: source.id, ...planSlots(source, source.now) }))
  const create = plans.flatMap(({ id, create }) => (create === null ? [] : [[id, create]]))
  const move = plans.flatMap(({ move }) => (move === null ? [] : [[move.task_id, move.slot]]))
  const remove = plans.flatMap(({ remove }) => remove)
  const missed = plans.flatMap(({ id, missed }) =>
    missed === null ? [] : [[id, missed.from, missed.to, missed.slots, missed.reason]],
  )
  // A task that parma-web started or deleted in between is left alone.
  const untouched = sql.fragment`t.status = 'PENDING' AND t.attempts = 0`
  if (create.length > 0)
    await tx.query(sql.unsafe`
      INSERT INTO public.scheduled_task (data_source_id, schedule_type, scheduled_at, max_run_seconds)
      SELECT s.id, 'REGULAR', to_timestamp(slot.at / 1000.0) AT TIME ZONE 'UTC', s.max_run_seconds
      FROM ${sql.unnest(create, ['int4', 'int8'])} AS slot (id, at)
      JOIN public.data_source s ON s.id = slot.id
      FOR KEY SHARE OF s`)
  if (move.length > 0)
    await tx.query(sql.unsafe`
      UPDATE public.scheduled_task t SET scheduled_at = to_timestamp(slot.at / 1000.0) AT TIME ZONE 'UTC'
      FROM ${sql.unnest(move, ['int4', 'int8'])} AS slot (task_id, at)
      WHERE t.task_id = slot.task_id AND ${untouched}`)
  if (remove.length > 0)
    await tx.query(sql.unsafe`
      DELETE FROM public.scheduled_task t WHERE t.task_id = ANY(${sql.array(remove, 'int4')}) AND ${untouched}`)
  if (missed.length > 0)
    await tx.query(sql.unsafe`
      INSERT INTO scheduler.missed AS m (data_source_id, from_slot, to_slot, slots, reason)
      SELECT id, to_timestamp(slot_from / 1000.0), to_timestamp(slot_to / 1000.0), slots, reason
      FROM ${sql.unnest(missed, ['int4', 'int8', 'int8', 'int4', 'text'])} AS slot (id, slot_from, slot_to, slots, reason)
      ON CONFLICT (data_source_id, from_slot) DO UPDATE SET to_slot = excluded.to_slot, slots = m.slots + excluded.slots`)
  return plans.some(changesSlots)
}
