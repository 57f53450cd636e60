import { describe, expect, test } from 'vitest'
import { backOff, countFailures } from './back-off.ts'

describe('backOff', () => {
  test.each([
    [1, 200],
    [2, 400],
    [3, 800],
    [5, 3200],
    [6, 5000],
    [1000, 5000],
  ])('after %i failures waits %i ms', (failures, ms) => expect(backOff(failures)).toBe(ms))
})

describe('countFailures', () => {
  test('counts on while the process was not healthy for 10 s', () => expect(countFailures(3, 9_999)).toBe(4))
  test('begins anew when it was', () => expect(countFailures(3, 10_000)).toBe(1))
})
