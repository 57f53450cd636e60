import { expect, test } from 'vitest'
import { readSensitivity } from './criteria.ts'

test.each([
  ['normal', 0.2],
  ['low', 3 / 7],
  ['high', 1 / 13],
  ['0.9', 0.9],
  ['0', 0],
])('--sensitivity %s tells from %d on', (text, score) => expect(readSensitivity(text, 0.2)).toBeCloseTo(score, 12))

test.each(['', 'much', '1.1', '-0.1', 'NaN', 'toString'])('--sensitivity %j is refused', (text) =>
  expect(() => readSensitivity(text, 0.2)).toThrow(`--sensitivity is "${text}": give low, normal, high or a score`),
)
