import fc from 'fast-check'
import { Cron } from 'croner'
import { expect, test } from 'vitest'
import { nextCronSlot } from './cron.ts'

// The same cases at each run.
fc.configureGlobal({ seed: 1 })

const zones = ['UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe']
const patterns = ['0 * * * *', '30 2 * * *', '*/20 1-3 * * *', '0 9 * * 1-5', '15 0 1 * *']
const [from, to] = [Date.parse('2026-01-01T00:00Z'), Date.parse('2027-01-01T00:00Z')]

test('what is remembered is what would be computed, in whatever order it is asked for', () => {
  const question = fc.record({
    zone: fc.constantFrom(...zones),
    pattern: fc.constantFrom(...patterns),
    after: fc.integer({ min: from, max: to }),
    // Most ask for the slots that follow.
    steps: fc.integer({ min: 0, max: 5 }),
  })
  fc.assert(
    fc.property(fc.array(question, { minLength: 1, maxLength: 20 }), (questions) => {
      for (const { zone, pattern, after, steps } of questions) {
        const cron = new Cron(pattern, { timezone: zone, paused: true })
        for (let [at, step] = [after, 0]; step <= steps; step++) {
          const slot = nextCronSlot(pattern, zone, at)
          expect(slot).toBe(cron.nextRun(new Date(at))?.getTime())
          at = slot ?? NaN
        }
      }
    }),
    { numRuns: 60 },
  )
})
