import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isoWeek, lastPeriod, nextPeriod, periodAt, type Timing } from './periods.ts'

fc.configureGlobal({ seed: 1 })

const minute = 60_000
const hour = 60 * minute
const berlin: Timing = { rhythm: 'daily', hour: 8, weekday: 1, zone: 'Europe/Berlin' }
const utc = (text: string) => Date.parse(`${text}Z`)

describe('daily', () => {
  test.each([
    { what: 'the day the clocks are put forward', day: '2026-03-29', at: '2026-03-29T06:00' },
    { what: 'the day before', day: '2026-03-28', at: '2026-03-28T07:00' },
    { what: 'the day the clocks are put back', day: '2026-10-25', at: '2026-10-25T07:00' },
    { what: 'the day before that', day: '2026-10-24', at: '2026-10-24T06:00' },
  ])('eight o’clock in Berlin, $what', ({ day, at }) => {
    expect(lastPeriod(berlin, utc(`${day}T12:00`))).toEqual({ at: utc(at), period: day })
    expect(lastPeriod(berlin, utc(at) - 1).period < day).toBe(true)
    expect(nextPeriod(berlin, utc(at) - 1)).toEqual({ at: utc(at), period: day })
  })

  test.each(['2026-03-29', '2026-10-25'])('around a change of the clocks on %s every day has one slot', (day) => {
    const noon = utc(`${day}T12:00`)
    const periods: string[] = []
    for (let at = noon - 48 * hour; at <= noon + 48 * hour; at += 10 * minute) {
      const { period } = lastPeriod({ ...berlin, hour: 2 }, at)
      if (periods.at(-1) !== period) periods.push(period)
    }
    expect(periods).toEqual(
      [-2, -1, 0, 1, 2].map((days) => new Date(noon + days * 24 * hour).toISOString().slice(0, 10)),
    )
  })

  test('a clock that jumps by ten minutes sees no slot that it has not seen', () => {
    const at = utc('2026-11-26T07:00')
    const seen = [0, 1, -9, 2, 10, -10, 20].map((minutes) => lastPeriod(berlin, at + minutes * minute).period)
    expect([...new Set(seen)].sort()).toEqual(['2026-11-25', '2026-11-26'])
  })

  test('three hours late it is still the slot of the day', () => {
    expect(lastPeriod(berlin, utc('2026-11-26T10:00'))).toEqual({ at: utc('2026-11-26T07:00'), period: '2026-11-26' })
  })
})

test.each([
  { what: 'weekly', timing: { ...berlin, rhythm: 'weekly' as const }, at: '2026-11-23T07:00', period: '2026-W48' },
  {
    what: 'weekly on Sundays',
    timing: { ...berlin, rhythm: 'weekly' as const, weekday: 7 },
    at: '2026-11-22T07:00',
    period: '2026-W47',
  },
  { what: 'monthly', timing: { ...berlin, rhythm: 'monthly' as const }, at: '2026-11-01T07:00', period: '2026-11' },
])('$what', ({ timing, at, period }) => {
  expect(lastPeriod(timing, utc('2026-11-26T12:00'))).toEqual({ at: utc(at), period })
})

test.each([
  { at: '2025-12-29T00:00', week: '2026-W01' },
  { at: '2026-01-04T23:59', week: '2026-W01' },
  { at: '2027-01-03T12:00', week: '2026-W53' },
  { at: '2027-01-04T00:00', week: '2027-W01' },
])('$at is in $week', ({ at, week }) => {
  expect(periodAt('weekly', 'UTC', utc(at))).toBe(week)
})

test('property: the slot that follows the last one is the next, and both belong to different periods', () => {
  const timing = fc.record({
    rhythm: fc.constantFrom('daily' as const, 'weekly' as const, 'monthly' as const),
    hour: fc.integer({ min: 0, max: 23 }),
    weekday: fc.integer({ min: 1, max: 7 }),
    zone: fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York', 'Pacific/Auckland', 'Australia/Lord_Howe'),
  })
  const now = fc.integer({ min: Date.UTC(2020, 0), max: Date.UTC(2035, 0) })
  fc.assert(
    fc.property(timing, now, (timing, now) => {
      const [last, next] = [lastPeriod(timing, now), nextPeriod(timing, now)]
      expect(last.at).toBeLessThanOrEqual(now)
      expect(next.at).toBeGreaterThan(now)
      expect(nextPeriod(timing, last.at)).toEqual(next)
      expect(lastPeriod(timing, next.at)).toEqual(next)
      expect(periodAt(timing.rhythm, timing.zone, last.at)).toBe(last.period)
      expect(last.period).not.toBe(next.period)
    }),
  )
})

describe('isoWeek', () => {
  // https://en.wikipedia.org/wiki/ISO_week_date
  test.each([
    ['1970-01-01T00:00:00Z', '1970-W01'],
    ['1969-12-28T23:59:59.999Z', '1969-W52'],
    ['1977-01-01T12:00:00Z', '1976-W53'],
    ['1978-01-01T12:00:00Z', '1977-W52'],
    ['1980-12-28T12:00:00Z', '1980-W52'],
    ['1980-12-29T12:00:00Z', '1981-W01'],
    ['2021-01-03T23:59:59.999Z', '2020-W53'],
    ['2021-01-04T00:00:00.000Z', '2021-W01'],
    ['2026-11-25T22:00:00Z', '2026-W48'],
    ['2026-12-31T00:00:00Z', '2026-W53'],
  ])('%s is in %s', (time, week) => expect(isoWeek(Date.parse(time))).toBe(week))

  test('changes each Monday at midnight, and at no other time', () => {
    const hour = 60 * 60 * 1000
    const start = Date.parse('2019-12-01T00:00:00Z')
    for (let at = start; at < start + 400 * 24 * hour; at += hour) {
      const isMonday = new Date(at).getUTCDay() === 1 && new Date(at).getUTCHours() === 0
      expect([at, isoWeek(at - 1) !== isoWeek(at)]).toEqual([at, isMonday])
    }
  })
})
