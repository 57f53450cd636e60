// Tasks of a source, for tests.
import { now } from '#runtime/plan/sample-plan.ts'
import type { OpenTask, SourceTasks } from './pick-due.ts'

/** Has no task. */
export const idle: SourceTasks = {
  id: 1,
  off: null,
  window: null,
  jitter_ms: 0,
  first_run_at: 0,
  tasks: [],
  may_overlap: false,
  breaker_open_until: null,
  paused_until: null,
}
export const waits: OpenTask = {
  task_id: 1,
  slot: now - 1000,
  status: 'PENDING',
  regular: true,
  attempts: 0,
  retry_at: null,
}
export const runs: OpenTask = { ...waits, task_id: 9, status: 'PROCESSING', attempts: 1 }

export const window = { from: 13 * 60, to: 14 * 60, zone: 'UTC' }
