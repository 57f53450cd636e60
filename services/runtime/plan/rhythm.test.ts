import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { rhythmOf, type SourceSlots } from './plan-slots.ts'
import { type Frequency, nextSlot, passedSlots, type Rhythm } from './rhythm.ts'
import { at, frequencies, source, times } from './sample-plan.ts'

// The same cases at each run.
fc.configureGlobal({ seed: 1 })

/** The newest slot that has passed, else the next one. */
function slotAfter(rhythm: Rhythm, latest: number, now: number): number | null {
  return passedSlots(rhythm, latest, now)?.newest ?? nextSlot(rhythm, latest)
}

describe('the slot after', () => {
  test.each<[Frequency, string, string, string]>([
    ['HOURLY', '2026-03-10T11:30', '2026-03-10T12:00', '2026-03-10T12:30'],
    ['DAILY', '2026-03-10T11:30', '2026-03-10T12:00', '2026-03-11T11:30'],
    ['WEEKLY', '2026-03-10T11:30', '2026-03-10T12:00', '2026-03-17T11:30'],
    ['MONTHLY', '2026-03-10T11:30', '2026-03-10T12:00', '2026-04-10T11:30'],
    // exactly one period later it is due
    ['HOURLY', '2026-03-10T11:00', '2026-03-10T12:00', '2026-03-10T12:00'],
    ['MONTHLY', '2026-02-10T12:00', '2026-03-10T12:00', '2026-03-10T12:00'],
    // missed ones: the newest
    ['HOURLY', '2026-03-10T06:10', '2026-03-10T12:00', '2026-03-10T11:10'],
    ['DAILY', '2026-03-01T11:00', '2026-03-10T12:00', '2026-03-10T11:00'],
    ['WEEKLY', '2026-01-06T12:00', '2026-03-10T11:59', '2026-03-03T12:00'],
    ['MONTHLY', '2025-11-20T12:00', '2026-03-10T12:00', '2026-02-20T12:00'],
    // short months, leap years, the turn of the year
    ['MONTHLY', '2026-01-31T08:00', '2026-02-01T00:00', '2026-02-28T08:00'],
    ['MONTHLY', '2028-01-31T08:00', '2028-02-01T00:00', '2028-02-29T08:00'],
    ['MONTHLY', '2025-12-31T08:00', '2026-01-01T00:00', '2026-01-31T08:00'],
    ['MONTHLY', '2026-01-31T08:00', '2026-04-30T09:00', '2026-04-30T08:00'],
    ['MONTHLY', '2026-02-28T08:00', '2026-03-01T00:00', '2026-03-31T08:00'],
    ['MONTHLY', '2026-02-27T08:00', '2026-03-01T00:00', '2026-03-27T08:00'],
    // days on which clocks are set in Europe are days like others in UTC
    ['DAILY', '2026-03-28T01:30', '2026-03-28T02:00', '2026-03-29T01:30'],
    ['DAILY', '2026-10-25T00:30', '2026-10-25T01:00', '2026-10-26T00:30'],
    // a clock that was set back does not bring slots back
    ['HOURLY', '2026-03-10T13:00', '2026-03-10T12:00', '2026-03-10T14:00'],
  ])('%s %s, asked at %s, is %s', (frequency, latest, asked, expected) => {
    expect(slotAfter({ ...rhythmOf(source), frequency, day: 31 }, at(latest), at(asked))).toBe(at(expected))
  })
})

test('the next slot lies on the grid: the newest that has passed, else the one to come', () => {
  fc.assert(
    fc.property(frequencies, times, times, (frequency, latest, now) => {
      const rhythm = { ...rhythmOf(source), frequency, day: new Date(latest).getUTCDate() }
      const slot = slotAfter(rhythm, latest, now) ?? NaN
      expect(slot).toBeGreaterThan(latest)
      if (slot <= now) expect(nextSlot(rhythm, slot)).toBeGreaterThan(now)
      else expect(slot).toBe(nextSlot(rhythm, latest))
    }),
  )
})

describe('on the days on which clocks are set', () => {
  function runs(cron: string, zone: string, from: string, to: string): string[] {
    const slots: string[] = []
    for (let slot = nextSlot({ ...rhythmOf(source), cron, zone }, at(from)); slot !== null && slot < at(to);) {
      slots.push(new Date(slot).toISOString().slice(5, 16))
      slot = nextSlot({ ...rhythmOf(source), cron, zone }, slot)
    }
    return slots
  }

  test('an hour that is left out runs at its end', () => {
    expect(runs('30 2 * * *', 'Europe/Berlin', '2026-03-27T12:00', '2026-03-30T12:00')).toEqual([
      '03-28T01:30',
      '03-29T01:00',
      '03-30T00:30',
    ])
    expect(runs('15 2 * * *', 'America/New_York', '2026-03-07T00:00', '2026-03-09T12:00')).toEqual([
      '03-07T07:15',
      '03-08T07:00',
      '03-09T06:15',
    ])
  })

  test('an hour that comes twice runs once', () => {
    expect(runs('30 2 * * *', 'Europe/Berlin', '2026-10-24T00:00', '2026-10-26T12:00')).toEqual([
      '10-24T00:30',
      '10-25T00:30',
      '10-26T01:30',
    ])
  })

  test('what runs each hour runs 23 and 25 times', () => {
    expect(runs('0 * * * *', 'Europe/Berlin', '2026-03-28T22:59', '2026-03-29T22:00')).toHaveLength(23)
    expect(runs('0 * * * *', 'Europe/Berlin', '2026-10-24T21:59', '2026-10-25T23:00')).toHaveLength(25)
  })

  test.each<Frequency>(['HOURLY', 'DAILY', 'WEEKLY', 'MONTHLY'])('%s is no other than on any day', (frequency) => {
    const berlin = { ...rhythmOf(source), frequency, zone: 'Europe/Berlin', day: 29 }
    const from = at('2026-03-29T01:30')
    expect(nextSlot(berlin, from)).toBe(nextSlot({ ...berlin, zone: 'UTC' }, from))
  })
})

describe('a window', () => {
  const berlin = { zone: 'Europe/Berlin', window: { from: 8 * 60, to: 18 * 60, zone: 'Europe/Berlin' } }
  const next = (cron: string | null, after: string, more: Partial<SourceSlots> = berlin) =>
    nextSlot(rhythmOf({ ...source, frequency: 'HOURLY', cron, ...more }), at(after))

  test('moves what falls outside to its opening, once', () => {
    expect(next(null, '2026-01-10T15:30')).toBe(at('2026-01-10T16:30'))
    expect(next(null, '2026-01-10T16:30')).toBe(at('2026-01-11T07:00'))
    expect(next('30 * * * *', '2026-01-10T16:30')).toBe(at('2026-01-11T07:00'))
    expect(next('30 * * * *', '2026-01-11T07:00')).toBe(at('2026-01-11T07:30'))
  })

  test('opens by the clock on the wall', () => {
    expect(next('0 3 * * *', '2026-03-28T12:00')).toBe(at('2026-03-29T06:00'))
    expect(next('0 3 * * *', '2026-10-24T12:00')).toBe(at('2026-10-25T07:00'))
  })

  test('may pass midnight', () => {
    const night = { zone: 'UTC', window: { from: 22 * 60, to: 6 * 60, zone: 'UTC' } }
    expect(next('0 12 * * *', '2026-01-10T00:00', night)).toBe(at('2026-01-10T22:00'))
    expect(next('0 5 * * *', '2026-01-10T00:00', night)).toBe(at('2026-01-10T05:00'))
  })
})
