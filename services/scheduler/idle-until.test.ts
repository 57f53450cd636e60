import fc from 'fast-check'
import { expect, test } from 'vitest'
import { idleUntil, needsWork, type PlannedSource } from './idle-until.ts'
import type { OpenTask } from './pick-due.ts'
import { planSlots } from '#runtime/plan/plan-slots.ts'
import { apply, source, states, times } from '#runtime/plan/sample-plan.ts'
import { idle, waits } from './sample-source.ts'

// The same cases at each run.
fc.configureGlobal({ seed: 1 })

test('a source is idle until there is something to do, and no longer', () => {
  const span = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
  let found = 0
  fc.assert(
    fc.property(states, times, span, fc.option(times), (drawn, now, share, paused_until) => {
      const state = { ...source, ...drawn }
      const planned = apply(state, planSlots(state, now))
      const tasks = planned.waiting.map((one): OpenTask => ({ ...waits, ...one }))
      const candidate: PlannedSource = { ...idle, ...planned, tasks, foreign: [], paused_until }
      const until = idleUntil(candidate, now)
      if (until === null) return
      found++
      expect(needsWork(candidate, Math.min(until - 1, now + Math.floor(share * (until - now))))).toBe(false)
      if (until < Infinity && until !== paused_until && !planned.window) expect(needsWork(candidate, until)).toBe(true)
    }),
    { numRuns: 1000 },
  )
  expect(found).toBeGreaterThan(300)
})
