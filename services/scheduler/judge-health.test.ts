import { describe, expect, test } from 'vitest'
import { type Health, judgeHealth, judgeSilence, type Silence } from './judge-health.ts'

describe('a source is', () => {
  const [ok, bad] = [{ failed: false }, { failed: true }]
  test.each<[string, Health, (typeof ok)[], Health]>([
    ['UP before it has run', 'UP', [], 'UP'],
    ['UP after two failed runs', 'UP', [bad, bad], 'UP'],
    ['DOWN after three', 'UP', [bad, bad, bad], 'DOWN'],
    ['UP when one of them went well', 'UP', [bad, ok, bad], 'UP'],
    ['DOWN until a run goes well', 'DOWN', [bad, ok, bad], 'DOWN'],
    ['UP after one that went well', 'DOWN', [ok, bad, bad], 'UP'],
  ])('%s', (_, status, runs, expected) => {
    expect(judgeHealth(status, runs, 3)).toBe(expected)
  })
})

const daily = { frequency: 'DAILY', day: 1, cron: null, zone: 'UTC', window: null } as const

describe('a source whose last value was at midnight, daily, with an hour of grace', () => {
  const hour = 3_600_000
  const value = Date.parse('2026-03-10T00:00Z')
  const due = value + 24 * hour
  const run = { started_at: due + 1, over: true, failed: false, reason: null }
  const silent: Silence = {
    off: null,
    rhythm: daily,
    has_companies: true,
    last_value_at: value,
    last_off_at: null,
    grace_ms: hour,
    last_run: null,
  }

  test.each<[string, Partial<Silence>, number, string | null]>([
    ['is not stale before its next slot and the grace', {}, due + hour, null],
    ['is stale after it', {}, due + hour + 1, 'did not run'],
    [
      'did not run when its last run was before',
      { last_run: { ...run, started_at: value } },
      due + 2 * hour,
      'did not run',
    ],
    ['did not run while one is under way', { last_run: { ...run, over: false } }, due + 2 * hour, 'did not run'],
    ['did not run when its runs fail', { last_run: { ...run, failed: true } }, due + 2 * hour, 'did not run'],
    ['ran, no value', { last_run: run }, due + 2 * hour, 'ran, no value'],
    ['is not stale while it is paused', { off: 'paused' }, due + 2 * hour, null],
    ['is not stale right after a pause', { last_off_at: due }, due + 24 * hour, null],
    ['is stale a period after a pause', { last_off_at: due }, due + 26 * hour, 'did not run'],
    ['is not stale with nothing to bring', { has_companies: false }, due + 2 * hour, null],
    [
      'is stale by its pattern, not its frequency',
      { rhythm: { ...daily, cron: '0 6 * * *', zone: 'Europe/Berlin' } },
      value + 6 * hour + 1,
      'did not run',
    ],
    ['is not stale when no run is to come', { rhythm: { ...daily, cron: '0 0 30 2 *' } }, due + 99 * hour, null],
  ])('%s', (_, more, now, expected) => {
    expect(judgeSilence({ ...silent, ...more }, now)?.what ?? null).toBe(expected)
  })

  test('says why', () => {
    const last_run = { ...run, failed: true, reason: '/companies answered 500' }
    expect(judgeSilence({ ...silent, last_run }, due + 2 * hour)?.because).toContain('/companies answered 500')
  })
})
