// Sources and arbitrary states of them, for tests.
import fc from 'fast-check'
import type { SlotPlan, SourceSlots } from './plan-slots.ts'
import type { Frequency } from './rhythm.ts'

/** A time in UTC, as ms since 1970. */
export const at = (text: string) => Date.parse(`${text}Z`)
export const now = at('2026-03-10T12:00')

/** Runs daily and never ran. */
export const source: SourceSlots = {
  id: 1,
  off: null,
  frequency: 'DAILY',
  cron: null,
  zone: 'UTC',
  window: null,
  jitter_ms: 0,
  catch_up: 'latest',
  grace_ms: 300_000,
  latest: null,
  earliest: null,
  last_missed: null,
  waiting: [],
  first_run_at: 0,
}

/** The plan that changes nothing. */
export const nothing: SlotPlan = { create: null, move: null, remove: [], missed: null }

export const times = fc.integer({ min: 0, max: 4e12 })
export const frequencies = fc.constantFrom<Frequency>('HOURLY', 'DAILY', 'WEEKLY', 'MONTHLY')

/** What a source may look like, whatever happened before. */
export const states = fc.record({
  off: fc.constantFrom(null, null, 'inactive', 'paused'),
  catch_up: fc.constantFrom('latest', 'all', 'none'),
  cron: fc.constantFrom(null, null, '0 4 * * *', '0 */3 * * 1'),
  window: fc.constantFrom(null, null, { from: 480, to: 1080, zone: 'Europe/Berlin' }),
  frequency: frequencies,
  latest: fc.option(fc.integer({ min: 0, max: 4e12 })),
  earliest: fc.option(fc.integer({ min: 0, max: 4e12 })),
  waiting: fc
    .array(fc.integer({ min: 0, max: 4e12 }), { maxLength: 5 })
    .map((slots) => slots.map((slot, index) => ({ task_id: index + 1, slot }))),
  first_run_at: fc.integer({ min: 0, max: 4e12 }),
})

/** What the database does with a plan. */
export function apply(source: SourceSlots, plan: SlotPlan): SourceSlots {
  const waiting = source.waiting
    .filter(({ task_id }) => !plan.remove.includes(task_id))
    .map((one) => (one.task_id === plan.move?.task_id ? plan.move : one))
  const created =
    plan.create === null
      ? []
      : [{ task_id: Math.max(0, ...source.waiting.map((one) => one.task_id)) + 1, slot: plan.create }]
  const { missed } = plan
  const latest = missed ? missed.to : source.latest
  return { ...source, waiting: [...waiting, ...created], latest, last_missed: missed ?? source.last_missed }
}
