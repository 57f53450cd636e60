import { describe, expect, test } from 'vitest'
import { readPeriod, requirePeriod } from './read-period.ts'

const now = Date.parse('2026-03-31T12:00:00Z')

test.each([
  ['2026-01-31', '2026-01-31T00:00:00.000Z'],
  ['2026-01-31T08:00+01:00', '2026-01-31T07:00:00.000Z'],
  ['90d', '2025-12-31T12:00:00.000Z'],
  ['2w', '2026-03-17T12:00:00.000Z'],
  ['1m', '2026-02-28T12:00:00.000Z'],
  ['12m', '2025-03-31T12:00:00.000Z'],
  ['2y', '2024-03-31T12:00:00.000Z'],
])('--from %s is %s', (from, expected) => {
  expect(new Date(readPeriod({ from }, now).from).toISOString()).toBe(expected)
})

test('a period is open where nothing is given', () => {
  expect(readPeriod({ to: '2026-01-01' }, now).from).toBeLessThan(0)
  expect(readPeriod({}, now).to).toBeGreaterThan(now)
})

describe('what is no period is refused', () => {
  test.each([
    [{ from: 'soon' }, '--from is "soon": give a time such as 2026-01-31'],
    [{ from: '2026-02-30' }, '--from is "2026-02-30": month 2 of 2026 has no day 30.'],
    [{ to: '12x' }, '--to is "12x": give a time'],
    [{ from: '2026-01-02', to: '2026-01-02' }, '--from is "2026-01-02", which is not before --to "2026-01-02"'],
  ])('%j', (typed, message) => expect(() => readPeriod(typed, now)).toThrow(message))

  test.each(['0m', 'm', '2026-01-01', '12'])('--backtest %s', (text) =>
    expect(() => requirePeriod(text, '--backtest', now)).toThrow(`--backtest is "${text}": give a number of months`),
  )
})
