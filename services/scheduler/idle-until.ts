import { type OpenTask, pickDue, type SourceTasks } from './pick-due.ts'
import { changesSlots, planSlots, rhythmOf, type SourceSlots } from './plan-slots.ts'
import { nextSlot } from './rhythm.ts'

/** A source as planning and starting see it. */
export type PlannedSource = SourceSlots & SourceTasks & { tasks: readonly OpenTask[]; foreign: readonly number[] }

/** Whether there is something to plan or to start now. */
export function needsWork(source: PlannedSource, now: number): boolean {
  return pickDue(source, now) !== null || changesSlots(planSlots(source, now))
}

/**
 * Until when there is nothing to do at a source, as long as none of its rows changes; null: it must be looked at each time.
 * Whatever waits for more than its slot (another run, a module, its share of jitter) is looked at.
 */
export function idleUntil(source: PlannedSource, now: number): number | null {
  if (source.foreign.length > 0 || needsWork(source, now)) return null
  const { off, latest, paused_until, tasks } = source
  if (off !== null) {
    const passes = latest === null ? null : nextSlot(rhythmOf(source), latest)
    return Math.min(passes ?? Infinity, (off === 'paused' ? paused_until : null) ?? Infinity)
  }
  const slots = tasks.filter(({ status }) => status === 'PENDING').map(({ slot }) => slot)
  // A first run waits for the measurements of its source.
  if (latest === null || slots.some((slot) => slot <= now)) return null
  return Math.min(...slots)
}
