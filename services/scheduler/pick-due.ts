import type { SourceSlots } from '#runtime/plan/plan-slots.ts'
import { whenOpen } from '#runtime/plan/window.ts'

/** A task that has not ended. */
export type OpenTask = {
  task_id: number
  slot: number
  status: 'PENDING' | 'PROCESSING'
  /** Planned, not requested. */
  regular: boolean
  attempts: number
  /** No further attempt before this time. */
  retry_at: number | null
}

/** What decides whether a task of a source may start. Times are ms since 1970. */
export type SourceTasks = Pick<SourceSlots, 'id' | 'off' | 'window' | 'jitter_ms' | 'first_run_at'> & {
  tasks: readonly OpenTask[]
  /** Whether its runs may overlap. */
  may_overlap: boolean
  /** Until when its module's circuit breaker is open; null: it is closed. */
  breaker_open_until: number | null
  /** The end of its pause, if it has one. */
  paused_until: number | null
}

/** The first due task of a source. Null while another one is running or the module's circuit breaker is open. */
export function pickDue(source: SourceTasks, now: number): OpenTask | null {
  const { off, tasks, may_overlap, breaker_open_until } = source
  if (off !== null || (breaker_open_until ?? 0) > now) return null
  if (!may_overlap && tasks.some(({ status }) => status === 'PROCESSING')) return null
  const due = tasks.filter((task) => task.status === 'PENDING' && startsAt(source, task, now) <= now)
  // A planned task goes before a requested one of the same time, whichever row is older, so that it is not superseded.
  return (
    due.sort((a, b) => a.slot - b.slot || Number(b.regular) - Number(a.regular) || a.task_id - b.task_id)[0] ?? null
  )
}

/** The due tasks on demand of a source that is off: nothing would start them, so they end with a reason. */
export function findRefused({ off, tasks }: Pick<SourceTasks, 'off' | 'tasks'>, now: number): OpenTask[] {
  if (off === null) return []
  return requestsIn(tasks).filter(({ slot }) => slot <= now)
}

/** The tasks on demand that were never started. */
export function requestsIn(tasks: readonly OpenTask[]): OpenTask[] {
  return tasks.filter(({ status, regular, attempts }) => status === 'PENDING' && !regular && attempts <= 0)
}

/** When a waiting task may start. Jitter and window apply to planned tasks only. */
function startsAt(source: SourceTasks, { slot, regular, attempts, retry_at }: OpenTask, now: number): number {
  const { id, jitter_ms, window } = source
  const delay = regular && attempts === 0 ? Math.floor(shareOf(id, slot) * jitter_ms) : 0
  const ready = Math.max(slot + delay, retry_at ?? 0)
  return regular ? whenOpen(window, Math.max(ready, window ? now : ready)) : ready
}

/** Ms until the first of the sources has a task to start, as far as is known now; null: none has. */
export function nextStartInMs(sources: readonly (SourceTasks & { now: number })[]): number | null {
  const waits = sources.flatMap((source) => {
    const { off, first_run_at, breaker_open_until, paused_until, tasks, now } = source
    if (off === 'inactive') return []
    if (off === 'paused') return [(paused_until ?? 0) - now]
    const starts = tasks.filter(({ status }) => status === 'PENDING').map((task) => startsAt(source, task, now))
    return [...starts, first_run_at, breaker_open_until ?? 0].map((at) => at - now)
  })
  return waits.reduce<number | null>((least, ms) => (ms > 0 && ms < (least ?? Infinity) ? ms : least), null)
}

/** A number in [0, 1), spread over slots and sources, and always the same for one slot of one source. */
export function shareOf(id: number, slot: number): number {
  // https://github.com/bryc/code/blob/master/jshash/PRNGs.md#mulberry32, on both numbers.
  let mix = (Math.imul(id, 0x9e3779b1) ^ Math.floor(slot / 1000)) | 0
  mix = Math.imul(mix ^ (mix >>> 15), mix | 1)
  mix ^= mix + Math.imul(mix ^ (mix >>> 7), mix | 61)
  return ((mix ^ (mix >>> 14)) >>> 0) / 2 ** 32
}
