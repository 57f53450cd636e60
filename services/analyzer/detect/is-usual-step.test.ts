import { expect, test } from 'vitest'
import { isUsual } from './is-usual-step.ts'

test.each<[string, number[], number, string, boolean]>([
  ['a count that doubles', [1000], 2000, 'int', false],
  ['a few more of a few', [4], 7, 'int', true],
  ['twice as many of some', [20], 40, 'int', false],
  ['none of a few', [5], 0, 'int', false],
  ['a ratio has no such bound', [0.5], 1, 'float', false],
  ['three steps are no habit', [100, 150, 100, 150], 300, 'float', false],
  ['a series that swings', [100, 150, 100, 150, 100], 160, 'float', true],
  ['and leaves its swing', [100, 150, 100, 150, 100], 400, 'float', false],
  ['one jump is no habit', [100, 101, 102, 103, 300, 301], 600, 'float', false],
  ['what never moved', [7, 7, 7, 7, 7, 7], 8, 'float', false],
])('%s', (_what, recent, now, type, usual) => {
  expect(isUsual(recent, now, type, 5)).toBe(usual)
})
