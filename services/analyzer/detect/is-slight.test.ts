import { expect, test } from 'vitest'
import { judgePoint } from '../signals/judge-point.ts'
import { emptyState, type SignalState } from '../signals/state.ts'
import { isSlight, worthOf } from './is-slight.ts'

const counter = Array.from({ length: 40 }, (_, i) => 1000 + i)
const level = Array.from({ length: 40 }, (_, i) => 1000 + (i % 2))

test.each<[string, number, number[], boolean]>([
  ['spike', 0.27, [...counter, 1044], true],
  ['spike', 0.27, [...counter, 1090], false],
  ['spike', 0.6, [...counter, 1044], false],
  ['fall', 0.27, [...counter, 1036], true],
  ['drop', 0.27, [...level, 995], true],
  ['drop', 0.5, [...level, 980], false],
  ['variance', 0.1, [...level, 995], true],
  ['variance', 0.5, [...level, 980], false],
  ['trend break', 0.27, [...counter, 1041], false],
  ['stall', 0.27, [...counter, 1039], false],
  ['spike', 0.99, [0, 0, 2], true],
  ['spike', 0.99, [0, 0, 3], false],
  ['level shift', 0.99, [...level, 7, 7], true],
  ['spike', 0.99, [5], false],
])('%s of score %f to the last of these values: whether it is too small', (kind, score, values, expected) => {
  expect(isSlight({ kind, score }, { ...emptyState(), values }, true)).toBe(expected)
})

test('a number that is no count may be news at any size', () => {
  expect(isSlight({ kind: 'spike', score: 0.5 }, { ...emptyState(), values: [0.1, 0.1, 0.4] }, false)).toBe(false)
})

test('of growth the odds count, not the size of a step', () => {
  const worth = (kind: string, share: number) => worthOf({ kind, score: 0.5 }, share)
  expect(worth('trend break', 0.0001)).toBe(worth('trend break', 0.01))
  expect(worth('spike', 0.0001)).toBeLessThan(worth('spike', 0.01))
})

test('many values a day that scatter otherwise may be news at any size', () => {
  const state = level.reduce<SignalState | null>(
    (before, value, i) => judgePoint(before, i * 300_000, value, { isComparable: true }).state,
    null,
  )!
  expect(state.telemetry).not.toBeNull()
  expect(isSlight({ kind: 'variance', score: 0.1 }, state, true)).toBe(false)
})
