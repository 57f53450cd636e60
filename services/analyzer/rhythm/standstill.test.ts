import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { dayMs, minuteMs } from '#runtime/text/time.ts'
import { isStandstill } from './judge-standstill.ts'
import { learnRhythm } from './learn-rhythm.ts'
import { type Activity, measureMovement } from './measure-movement.ts'

const week = 7 * dayMs
const measure = (activities: readonly Activity[]) =>
  measureMovement(activities, learnRhythm(activities.map(({ at }) => at)))
const weekly = (moves: readonly boolean[]): Activity[] =>
  moves.map((hasMoved, index) => ({ at: index * week, compared: 10, moved: hasMoved ? 3 : 0 }))
const repeat = (count: number, value: boolean) => Array.from({ length: count }, () => value)

/** How often a feed is told, payload by payload. */
function countTold(activities: readonly Activity[]): number {
  let told = 0
  let isOpen = false
  for (let end = 1; end <= activities.length; end++) {
    const movement = measure(activities.slice(Math.max(0, end - 120), end))
    const isStill = isStandstill(movement)
    if (isStill && !isOpen) told++
    isOpen = isStill || (isOpen && movement.still > 0)
  }
  return told
}

test('counts rounds, moves and pauses', () => {
  expect(measure(weekly([false, true, false, false, true, true, false, false, false]))).toEqual({
    ...{ rounds: 6, moves: 3, longestPause: 2, still: 3, movedAt: 5 * week },
  })
  expect(measure([])).toEqual({ rounds: 0, moves: 0, longestPause: 0, still: 0, movedAt: null })
  expect(measure(weekly(repeat(50, false)))).toMatchObject({ moves: 0, still: 0 })
  expect(measure(weekly(repeat(20, true)).map((one) => ({ ...one, compared: 0 })))).toMatchObject({ rounds: 0 })
})

describe('a feed that used to move in each round', () => {
  test('stands still after three rounds when it is known for two years, after four when for one', () => {
    for (const [known, needed] of [
      [104, 3],
      [52, 4],
    ] as const)
      expect(
        [1, 2, 3, 4, 5].find((still) =>
          isStandstill(measure(weekly([...repeat(known, true), ...repeat(still, false)]))),
        ),
      ).toBe(needed)
  })
  test('is not judged while it is known too little', () => {
    expect(isStandstill(measure(weekly([...repeat(11, true), ...repeat(30, false)])))).toBe(false)
  })
  test('is never told for holes and repeated crawls', () => {
    const steps = fc.array(
      fc.record({
        missing: fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, fc.integer({ min: 1, max: 12 })),
        repeats: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.integer({ min: 1, max: 5 })),
      }),
      { minLength: 20, maxLength: 130 },
    )
    fc.assert(
      fc.property(steps, (list) => {
        const activities: Activity[] = []
        let at = 0
        for (const { missing, repeats } of list) {
          at += (1 + missing) * week
          activities.push({ at, compared: 5, moved: 1 })
          for (let n = 1; n <= repeats; n++) activities.push({ at: at + n * 10 * minuteMs, compared: 5, moved: 0 })
        }
        expect(countTold(activities)).toBe(0)
      }),
      { numRuns: 60 },
    )
  })
})

test('a feed that stands still for good is told once, however often its numbers moved', () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { minLength: 60, maxLength: 60 }), (moves) => {
      fc.pre(moves.filter(Boolean).length >= 20)
      expect(countTold(weekly([...moves, ...repeat(50, false)]))).toBeGreaterThanOrEqual(1)
      expect(isStandstill(measure(weekly([...moves, ...repeat(50, false)])))).toBe(true)
      expect(isStandstill(measure(weekly([...moves, ...repeat(50, false), true])))).toBe(false)
    }),
  )
})

test('what was judged a standstill stays one while nothing moves', () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { minLength: 20, maxLength: 60 }), fc.nat(40), (moves, still) => {
      const before = weekly([...moves, ...repeat(still, false)])
      if (isStandstill(measure(before)))
        expect(isStandstill(measure(weekly([...moves, ...repeat(still + 1, false)])))).toBe(true)
    }),
  )
})

test('quiet companies are not told: less than once in 250 company-years', () => {
  // A sequence of its own, the same in each run.
  let state = 7
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
  for (const share of [0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.98]) {
    let told = 0
    for (let company = 0; company < 50; company++)
      told += countTold(weekly(Array.from({ length: 260 }, () => random() < share)))
    expect(told, `of feeds that move in ${share} of their rounds`).toBeLessThanOrEqual(1)
  }
})

test.each([7, 30])('numbers that change every %i payloads are not told', (every) => {
  expect(countTold(weekly(Array.from({ length: 600 }, (_, index) => index % every === 0)))).toBe(0)
})
