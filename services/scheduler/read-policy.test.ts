import { describe, expect, test } from 'vitest'
import { changePolicy, defaultPolicy, type Policy, type PolicyWords, readUntil } from './read-policy.ts'

describe('words change', () => {
  test.each<[PolicyWords, Partial<Policy>]>([
    [
      { cron: ' 30 8 * * 1-5 ', zone: 'Europe/Berlin' },
      { cron: '30 8 * * 1-5', zone: 'Europe/Berlin' },
    ],
    [{ window: '22:00-06:30' }, { window_from: '22:00', window_to: '06:30' }],
    [
      { jitter: '0', attempts: '5', backoff: '90' },
      { jitter_seconds: 0, max_attempts: 5, backoff_seconds: 90 },
    ],
    [
      { catchUp: 'all', overlap: true },
      { catch_up: 'all', may_overlap: true },
    ],
  ])('%j', (words, expected) => {
    expect(changePolicy(defaultPolicy, words)).toEqual({ ...defaultPolicy, ...expected })
  })

  test('what they take back', () => {
    const set = {
      ...defaultPolicy,
      cron: '0 0 * * *',
      window_from: '08:00',
      window_to: '09:00',
      max_attempts: 5,
      backoff_seconds: 9,
    }
    const words = { cron: 'none', window: 'none', attempts: 'default', backoff: 'default' }
    expect(changePolicy(set, words)).toEqual(defaultPolicy)
  })
})

test.each<[PolicyWords, string]>([
  [{ cron: '61 * * * *' }, '--cron'],
  [{ cron: '* * * *' }, '--cron'],
  [{ cron: '0 0 * * * *' }, '--cron'],
  [{ cron: '@daily' }, '--cron'],
  [{ cron: '0 0 30 2 *' }, 'never matches a date'],
  [{ zone: 'Mars/Olympus' }, '--zone'],
  [{ window: '8-18' }, '--window'],
  [{ window: '24:00-06:00' }, '--window'],
  [{ window: '08:00-08:00' }, '--window'],
  [{ jitter: '-1' }, '--jitter'],
  [{ jitter: 'default' }, '--jitter'],
  [{ attempts: '0' }, '--attempts'],
  [{ backoff: '1e3' }, '--backoff'],
])('words that make no sense are refused: %j', (words, expected) => {
  expect(changePolicy(defaultPolicy, words)).toEqual({ problem: expect.stringContaining(expected) as string })
})

describe('a time to come', () => {
  const now = Date.parse('2026-03-10T12:00Z')
  test.each<[string, string | null]>([
    ['90m', '2026-03-10T13:30'],
    ['12h', '2026-03-11T00:00'],
    ['7d', '2026-03-17T12:00'],
    ['2026-03-11', '2026-03-11T00:00'],
    ['2026-03-11T08:00', '2026-03-11T08:00'],
    ['2026-03-11T08:00+02:00', '2026-03-11T06:00'],
    ['2026-03-10', null],
    ['2028-02-29', '2028-02-29T00:00'],
    ['2027-02-29', null],
    ['2027-02-30', null],
    ['2027-04-31T08:00+02:00', null],
    ['2027-13-01', null],
    ['2027-00-10', null],
    ['2026-03-11T25:00Z', null],
    ['tomorrow', null],
    ['11/03/2026', null],
    ['0m', '2026-03-10T12:00'],
  ])('%s', (text, expected) => {
    expect(readUntil(text, now)).toBe(expected === null ? null : Date.parse(`${expected}Z`))
  })
})
