import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createTally } from './tally-bytes.ts'

// The same cases in each run.
fc.configureGlobal({ seed: 1 })

const day = '2026-11-29'
const next = '2026-11-30'

test('a source may send up to its limit in a day, and again on the next', () => {
  const tally = createTally()
  expect([60, 50, 40, 1].map((bytes) => tally.take(day, 7, bytes, 100))).toEqual([true, false, true, false])
  expect(tally.take(day, 8, 100, 100)).toBe(true)
  expect(tally.take(next, 7, 100, 100)).toBe(true)
  tally.giveBack(day, 7, 40)
  expect(tally.take(day, 7, 41, 100)).toBe(false)
  expect(tally.take(day, 7, 40, 100)).toBe(true)
})

test('what other processes took counts as soon as it is known', () => {
  const tally = createTally()
  tally.take(day, 7, 10, 100)
  tally.learn(day, new Map([[7, 85]]))
  expect(tally.take(day, 7, 6, 100)).toBe(false)
  expect(tally.take(day, 7, 5, 100)).toBe(true)
  expect(tally.take(next, 7, 100, 100)).toBe(true)
})

test('however the steps of some processes mix: the sums are what was taken, and one process alone never exceeds the limit', () => {
  const max = 100
  const step = fc.record({
    process: fc.nat(2),
    bytes: fc.integer({ min: 1, max: 60 }),
    what: fc.constantFrom('take', 'give', 'write', 'learn'),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 3 }), (steps, count) => {
      const processes = Array.from({ length: count }, () => ({ tally: createTally(), taken: [] as number[] }))
      let stored = 0
      const write = ({ tally }: { tally: ReturnType<typeof createTally> }) => {
        const added = tally.pending()
        stored += added.reduce((sum, { bytes }) => sum + bytes, 0)
        tally.settle(added)
      }
      for (const { process, bytes, what } of steps) {
        const one = processes[process % count]
        if (!one) continue
        if (what === 'take' && one.tally.take(day, 7, bytes, max)) one.taken.push(bytes)
        if (what === 'give' && one.taken.length > 0) one.tally.giveBack(day, 7, one.taken.pop() ?? 0)
        if (what === 'write') write(one)
        if (what === 'learn') one.tally.learn(day, new Map([[7, stored]]))
      }
      processes.forEach(write)
      const taken = processes.flatMap((one) => one.taken).reduce((sum, bytes) => sum + bytes, 0)
      expect(stored).toBe(taken)
      if (count === 1) expect(taken).toBeLessThanOrEqual(max)
    }),
  )
})
