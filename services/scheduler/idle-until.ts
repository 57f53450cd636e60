import { findRefused, type OpenTask, pickDue, requestsIn, type SourceTasks } from './pick-due.ts'
import { changesSlots, planSlots, rhythmOf, type SourceSlots } from '#runtime/plan/plan-slots.ts'
import { nextSlot } from '#runtime/plan/rhythm.ts'

/** A source with all that planning its slots and starting its tasks depend on. */
export type PlannedSource = SourceSlots & SourceTasks & { tasks: readonly OpenTask[]; foreign: readonly number[] }

/** Whether there is a slot to plan or a task to start or to end now. */
export function needsWork(source: PlannedSource, now: number): boolean {
  return pickDue(source, now) !== null || findRefused(source, now).length > 0 || changesSlots(planSlots(source, now))
}

/**
 * The time (ms since 1970) until which a source needs no work, provided that none of its rows changes; null: it must be
 * checked in each round. A source that waits for more than its slot (another run, a module, jitter) is always checked.
 */
export function idleUntil(source: PlannedSource, now: number): number | null {
  if (source.foreign.length > 0 || needsWork(source, now)) return null
  const { off, latest, paused_until, tasks } = source
  if (off !== null) {
    const passes = latest === null ? null : nextSlot(rhythmOf(source), latest)
    const ends = off === 'paused' ? (paused_until ?? Infinity) : Infinity
    return Math.min(passes ?? Infinity, ends, ...requestsIn(tasks).map(({ slot }) => slot))
  }
  const slots = tasks.filter(({ status }) => status === 'PENDING').map(({ slot }) => slot)
  // A first run waits until the measurements of its source are registered.
  if (latest === null || slots.some((slot) => slot <= now)) return null
  return Math.min(...slots)
}
