import fc from 'fast-check'
import { expect, test } from 'vitest'
import { instantOf, isZone, localTime, nextTimeOfDay } from './time-zone.ts'

const zones = ['UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'Pacific/Auckland']
const anyTime = fc.integer({ min: Date.UTC(2000, 0), max: Date.UTC(2040, 0) })

test('knows zones by their names', () => {
  expect(zones.every(isZone)).toBe(true)
  expect(['', 'Mars/Olympus', 'Europe/Berlin; DROP TABLE', '\0'].some(isZone)).toBe(false)
})

test('the clocks of a zone are right in summer and in winter', () => {
  const noon = (month: number) => localTime('Europe/Berlin', Date.UTC(2026, month - 1, 1, 12, 30))
  expect(noon(7)).toMatchObject({ year: 2026, month: 7, day: 1, hour: 14, minute: 30 })
  expect(noon(1)).toMatchObject({ year: 2026, month: 1, day: 1, hour: 13, minute: 30 })
})

test('property: UTC shows what a zone without an offset shows', () => {
  fc.assert(
    fc.property(fc.integer({ min: Date.UTC(1, 0), max: 8.64e15 }), (at) => {
      expect(localTime('UTC', at)).toEqual(localTime('Etc/UTC', at))
    }),
  )
  expect(() => localTime('UTC', NaN)).toThrow(RangeError)
  expect(() => localTime('Etc/UTC', NaN)).toThrow(RangeError)
})

test.each([
  { what: 'an ordinary day', day: 28, month: 3, hour: 8, utc: '2026-03-28T07:00:00Z' },
  { what: 'the morning after the clocks were put forward', day: 29, month: 3, hour: 8, utc: '2026-03-29T06:00:00Z' },
  { what: 'an hour that is left out', day: 29, month: 3, hour: 2, utc: '2026-03-29T01:00:00Z' },
  { what: 'the morning after the clocks were put back', day: 25, month: 10, hour: 8, utc: '2026-10-25T07:00:00Z' },
  { what: 'an hour that comes twice', day: 25, month: 10, hour: 2, utc: '2026-10-25T00:00:00Z' },
  { what: 'a day beyond the end of its month', day: 32, month: 3, hour: 8, utc: '2026-04-01T06:00:00Z' },
])('$what in Berlin', ({ day, month, hour, utc }) => {
  expect(new Date(instantOf('Europe/Berlin', { year: 2026, month, day, hour, minute: 0 }))).toEqual(new Date(utc))
})

test('property: what the clocks show leads back to the time, or to the first of two', () => {
  fc.assert(
    fc.property(fc.constantFrom(...zones), anyTime, (zone, at) => {
      const minute = Math.floor(at / 60_000) * 60_000
      const back = instantOf(zone, localTime(zone, minute))
      expect(back === minute || (back < minute && minute - back <= 3_600_000)).toBe(true)
      expect(localTime(zone, back)).toEqual(localTime(zone, minute))
    }),
    { seed: 1 },
  )
})

test('property: the next time of day is the next, within a day and the hour by which clocks are put back', () => {
  const minuteOfDay = fc.integer({ min: 0, max: 24 * 60 - 1 })
  fc.assert(
    fc.property(fc.constantFrom(...zones), anyTime, minuteOfDay, (zone, after, minutes) => {
      const time = { hour: Math.floor(minutes / 60), minute: minutes % 60 }
      const next = nextTimeOfDay(zone, time, after)
      expect(next).toBeGreaterThan(after)
      expect(next - after).toBeLessThanOrEqual(25 * 3_600_000)
      const shown = localTime(zone, next)
      const isLate = (shown.hour - time.hour) * 60 + shown.minute - time.minute
      expect([0, 30, 60]).toContain(isLate)
    }),
    { seed: 2 },
  )
})
