import { describe, expect, test } from 'vitest'
import { changePolicy, defaultPolicy, type Policy, type PolicyWords } from './read-policy.ts'

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
  [{ cron: '61 * * * *' }, '--cron is "61 * * * *": minute 61 is not 0–59. For example'],
  [{ cron: '0 8 32 * *' }, 'day of month 32 is not 1–31'],
  [{ cron: '* * * *' }, 'it has 4 fields, not 5'],
  [{ cron: '0 0 * * * *' }, 'it has 6 fields, not 5'],
  [{ cron: '@daily' }, 'it has 1 field, not 5'],
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
