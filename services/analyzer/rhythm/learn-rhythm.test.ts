import fc from 'fast-check'
import { expect, test } from 'vitest'
import { dayMs, hourMs, minuteMs } from '#runtime/text/time.ts'
import { expectPayload, learnRhythm } from './learn-rhythm.ts'

const every = (step: number, count: number) => Array.from({ length: count }, (_, index) => index * step)
const sum = (gaps: readonly number[]) => gaps.map((_, index) => gaps.slice(0, index + 1).reduce((a, b) => a + b, 0))

test('learns the usual time between payloads', () => {
  expect(learnRhythm(every(7 * dayMs, 20))).toEqual({ step: 7 * dayMs, tolerance: 12_096_000 })
  expect(learnRhythm(every(hourMs, 20))).toEqual({ step: hourMs, tolerance: 10 * minuteMs })
  expect(learnRhythm(every(dayMs, 4))).toBeNull()
  expect(learnRhythm([])).toBeNull()
  expect(learnRhythm([5, 5, 5, 5, 5, 5, 5])).toBeNull()
})

test('repeated and missing crawls change nothing', () => {
  const repeated = every(dayMs, 20).flatMap((at) => [at, at + 5 * minuteMs])
  expect(learnRhythm(repeated)?.step).toBe(dayMs - 5 * minuteMs)
  const withHole = sum([7, 7, 7, 7, 82, 7, 7, 7, 7, 7, 14, 7, 7, 7, 7].map((days) => days * dayMs))
  expect(learnRhythm(withHole)?.step).toBe(7 * dayMs)
})

test('is one of the gaps, and does not depend on where time begins', () => {
  const gaps = fc.array(fc.integer({ min: 1, max: 1e9 }), { minLength: 5, maxLength: 40 })
  fc.assert(
    fc.property(gaps, fc.integer({ min: -1e12, max: 1e12 }), (list, shift) => {
      const times = sum(list)
      const rhythm = learnRhythm(times)
      expect(learnRhythm(times.map((at) => at + shift))).toEqual(rhythm)
      if (!rhythm) return
      expect(list).toContain(rhythm.step)
      expect(rhythm.tolerance).toBeGreaterThan(0)
    }),
  )
})

const rhythm = { step: 10 * dayMs, tolerance: dayMs }
const feed = { at: 0, cameAt: null, live: true, rhythm }

test('a source is expected a step after its newest payload, and a warning comes before it is overdue', () => {
  expect(expectPayload([feed, { ...feed, at: -dayMs }])).toEqual({
    ...{ since: 0, step: 10 * dayMs, at: 10 * dayMs, warnAt: 933_120_000, overdueAt: 11 * dayMs },
  })
})

test('what is observed at midnight and comes in the morning is expected in the morning', () => {
  const cameAt = 6 * hourMs
  expect(expectPayload([{ ...feed, cameAt }, feed])).toMatchObject({ since: 0, at: 10 * dayMs + cameAt })
  expect(expectPayload([feed, { ...feed, at: -1, cameAt }])).toMatchObject({ at: 10 * dayMs })
})

test.each([
  ['no feed', []],
  ['no rhythm', [{ ...feed, rhythm: null }]],
  ['history', [{ ...feed, live: false }]],
  ['a newest payload that is history', [feed, { ...feed, at: 1, live: false }]],
  ['an irregular rhythm', [{ ...feed, rhythm: { step: dayMs, tolerance: 2 * dayMs } }]],
])('nothing is expected of a source with %s', (_, feeds) => expect(expectPayload(feeds)).toBeNull())
