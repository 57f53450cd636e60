import type { SourceSlots } from './plan-slots.ts'
import { whenOpen } from './window.ts'

/** A task that is not over. */
export type OpenTask = {
  task_id: number
  slot: number
  status: 'PENDING' | 'PROCESSING'
  /** Made by the plan, not by hand. */
  regular: boolean
  attempts: number
  /** Not tried again before this time. */
  retry_at: number | null
}

/** What decides whether a task of a source may start. */
export type SourceTasks = Pick<SourceSlots, 'id' | 'off' | 'window' | 'jitter_ms' | 'first_run_at'> & {
  tasks: readonly OpenTask[]
  /** Its runs may overlap. */
  may_overlap: boolean
  /** Its module is left in peace until then; null: it is well. */
  breaker_open_until: number | null
  /** The end of its pause, if that is known. */
  paused_until: number | null
}

/** The task to be started now: the first that is due. None while another is under way, or its module is left in peace. */
export function pickDue(source: SourceTasks, now: number): OpenTask | null {
  const { off, tasks, may_overlap, breaker_open_until } = source
  if (off !== null || (breaker_open_until ?? 0) > now) return null
  if (!may_overlap && tasks.some(({ status }) => status === 'PROCESSING')) return null
  const due = tasks.filter((task) => task.status === 'PENDING' && startsAt(source, task, now) <= now)
  // A planned one before one by hand of the same moment, whichever row was made first: it must not become superseded by it.
  return (
    due.sort((a, b) => a.slot - b.slot || Number(b.regular) - Number(a.regular) || a.task_id - b.task_id)[0] ?? null
  )
}

/** When a waiting task may start. Only what was planned keeps to jitter and window. */
function startsAt(source: SourceTasks, { slot, regular, attempts, retry_at }: OpenTask, now: number): number {
  const { id, jitter_ms, window } = source
  const delay = regular && attempts === 0 ? Math.floor(shareOf(id, slot) * jitter_ms) : 0
  const ready = Math.max(slot + delay, retry_at ?? 0)
  return regular ? whenOpen(window, Math.max(ready, window ? now : ready)) : ready
}

/** Ms until the first of the sources has something to start, of what is known now; null: nothing is to come. */
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

/** A number in [0, 1) that is the same for the same slot of the same source: spread, and yet no surprise. */
export function shareOf(id: number, slot: number): number {
  // https://github.com/bryc/code/blob/master/jshash/PRNGs.md#mulberry32, on both numbers.
  let mix = (Math.imul(id, 0x9e3779b1) ^ Math.floor(slot / 1000)) | 0
  mix = Math.imul(mix ^ (mix >>> 15), mix | 1)
  mix ^= mix + Math.imul(mix ^ (mix >>> 7), mix | 61)
  return ((mix ^ (mix >>> 14)) >>> 0) / 2 ** 32
}
