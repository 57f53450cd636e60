import { expect, test } from 'vitest'
import { emptyState } from '../signals/state.ts'
import { isSlight } from './is-slight.ts'

const counter = Array.from({ length: 40 }, (_, i) => 1000 + i)
const level = Array.from({ length: 40 }, (_, i) => 1000 + (i % 2))

test.each<[string, number[], boolean]>([
  ['spike', [...counter, 1044], true],
  ['spike', [...counter, 1046], false],
  ['fall', [...counter, 1036], true],
  ['drop', [...level, 960], true],
  ['drop', [...level, 940], false],
  ['trend break', [...counter, 1041], false],
  ['stall', [...counter, 1039], false],
  ['spike', [0, 0, 2], true],
  ['spike', [0, 0, 3], false],
  ['level shift', [...level, 7, 7], true],
  ['spike', [5], false],
])('%s to the last of these values: whether it is too small', (kind, values, expected) => {
  expect(isSlight(kind, { ...emptyState(), values }, true)).toBe(expected)
})

test('a number that is no count may be news at any size', () => {
  expect(isSlight('spike', { ...emptyState(), values: [0.1, 0.1, 0.4] }, false)).toBe(false)
})
