import { describe, expect, test } from 'vitest'
import { isoWeek } from './iso-week.ts'

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
