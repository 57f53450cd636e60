import { expect, test } from 'vitest'
import { falls, hasMoved, rises } from './moves.ts'

const from = 10
const of = { source: 'panels' }

test.each([
  ['what was not there', [], [0, 2], true, false],
  ['a zero that stays', [0], [0, 0], false, false],
  ['an age that grows', [7], [8, 9], true, false],
  ['an age that begins anew above what it was', [7], [8, 40, 9], true, true],
  ['what is lower at once', [1], [0, 0], false, true],
  ['what comes back', [0], [0, 1, 0], true, true],
  ['what was high before', [5, 1], [1, 1], false, false],
])('%s', (_, before, after, hasRisen, hasFallen) => {
  const points = [
    ...before.map((value, index) => [from - before.length + 1 + index, value] as const),
    ...after.map((value, index) => [from + 1 + index, value] as const),
  ]
  const series = [{ labels: { ...of, pod: 'edge-1' }, points }]
  expect(hasMoved(series, rises('run', of), from)).toBe(hasRisen)
  expect(hasMoved(series, falls('run', of), from)).toBe(hasFallen)
  expect(hasMoved(series, rises('run', { source: 'other' }), from)).toBe(false)
})
