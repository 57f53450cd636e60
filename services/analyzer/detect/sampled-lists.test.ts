import { expect, test } from 'vitest'
import type { ObservedValue } from '#schemas/generated/types.ts'
import {
  followAbsence,
  followTurnover,
  isGain,
  isLoss,
  isSample,
  isUnlikely,
  losesItems,
  type Turnover,
} from './sampled-lists.ts'

type Step = [gained: boolean, lost: boolean, isNew: boolean, values?: ObservedValue[]]
const start = Date.parse('2026-09-01')
const day = 86_400_000
const follow = (steps: readonly Step[]) =>
  steps.reduce<Turnover | undefined>(
    (turnover, [gained, lost, isNew, values = []], index) =>
      followTurnover(turnover, { gained, lost, fresh: isNew ? [values] : [], observedAt: start + 7 * day * index }),
    undefined,
  )!
const repeat = (count: number, ...steps: Step[]) => Array.from({ length: count }, () => steps).flat()
const quiet: Step = [false, false, false]
const other: Step = [true, true, false]
const fresh: Step = [true, true, true]

test.each<[string, Step[], boolean]>([
  ['items come and go in every payload', repeat(4, other), true],
  ['items come and go in every other payload', repeat(8, other, quiet), true],
  ['items come and go once', [...repeat(20, quiet), other], false],
  ['items only come', repeat(20, [true, false, true]), false],
  ['items only go', repeat(20, [false, true, false]), false],
  ['it was a sample long ago', [...repeat(20, other), ...repeat(20, quiet)], false],
])('%s: whether the list is a sample', (_, steps, expected) => expect(isSample(follow(steps))).toBe(expected))

const born = (measurement_name: string, date: number) => [{ measurement_name, date }] as ObservedValue[]
const now = Date.parse('2026-11-01')
const pushed = (days: number): Step => [true, false, true, born('last pushed date', start + days * day)]

test.each<[string, Step[], ObservedValue[], boolean]>([
  ['a list that is no sample', repeat(20, quiet), [], true],
  ['a sample with new items all the time', repeat(20, fresh), [], false],
  ['a sample that has shown what it has', [...repeat(20, other), fresh], [], true],
  ['an item of last month', repeat(20, fresh), born('repository creation date', now - 2e9), true],
  ['an item that is old', repeat(20, fresh), born('repository creation date', now - 2e10), false],
  ['an item that was visited', repeat(20, fresh), born('last pushed date', now), false],
  ['a young list that had left out what was there', [quiet, pushed(-1)], [], false],
  ['one that did so some payloads ago', [quiet, pushed(-1), quiet, quiet], [], false],
  ['an item of last month in one', [quiet, pushed(-1)], born('repository creation date', now - 2e9), true],
  ['a young list with what is younger', [quiet, pushed(3)], [], true],
  ['a list that is young for the last time', [...repeat(6, quiet), pushed(-1)], [], false],
  ['a list that is no longer young', [...repeat(7, quiet), pushed(-1)], [], true],
  ['one that left something out when it was young', [quiet, pushed(-1), ...repeat(7, quiet)], [], true],
])('%s: whether a new item is news', (_, steps, values, expected) =>
  expect(isGain(follow(steps), values, now)).toBe(expected),
)

test('an item that is gone is news if it belonged to the list', () => {
  expect([isLoss(1, false), isLoss(3, false), isLoss(3, true), isLoss(20, true)]).toEqual([false, true, false, true])
  expect(isLoss(undefined, true)).toBe(true)
})

test('a list loses items for some payloads after it lost one', () => {
  const after = (quiets: number) => follow([...repeat(20, quiet), [false, true, false], ...repeat(quiets, quiet)])
  expect([follow(repeat(20, quiet)), undefined, after(0), after(8), after(9)].map(losesItems)).toEqual([
    ...[false, false, true, true, false],
  ])
})

test('an item that was often missing is gone later, or never', () => {
  const missedOnce = followAbsence(undefined, 1)
  const missedOften = [1, 2, 1, 2, 1].reduce<number | undefined>((absent, missed) => followAbsence(absent, missed), 0)
  expect([2, 3].map((payloads) => isUnlikely(undefined, payloads))).toEqual([true, true])
  expect([2, 3].map((payloads) => isUnlikely(missedOnce, payloads))).toEqual([true, true])
  expect([2, 3].map((payloads) => isUnlikely(missedOften, payloads))).toEqual([false, false])
  expect(Array.from({ length: 60 }).reduce<number>((absent) => followAbsence(absent, 0), 0.5)).toBeLessThan(0.1)
})
