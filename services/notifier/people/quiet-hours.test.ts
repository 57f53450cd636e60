import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { localTime } from '#runtime/text/time-zone.ts'
import { endOfQuiet, type QuietHours } from './quiet-hours.ts'

// The same cases at each run.
fc.configureGlobal({ seed: 1 })

const night: QuietHours = { zone: 'Europe/Berlin', begins: 22 * 60, ends: 7 * 60, days: null }
const at = (iso: string) => Date.parse(iso)
const end = (hours: QuietHours[], iso: string) => new Date(endOfQuiet(hours, at(iso))).toISOString()

describe('endOfQuiet', () => {
  test.each([
    ['02:10 in Berlin waits for 07:00', '2026-11-24T01:10:00Z', '2026-11-24T06:00:00.000Z'],
    ['22:00 is quiet', '2026-11-24T21:00:00Z', '2026-11-25T06:00:00.000Z'],
    ['21:59:59 is not', '2026-11-24T20:59:59Z', '2026-11-24T20:59:59.000Z'],
    ['07:00 is not', '2026-11-24T06:00:00Z', '2026-11-24T06:00:00.000Z'],
    ['the last second is', '2026-11-24T05:59:59.999Z', '2026-11-24T06:00:00.000Z'],
    ['the night of 23 hours ends at 07:00', '2026-03-28T21:30:00Z', '2026-03-29T05:00:00.000Z'],
    ['… and after the jump, too', '2026-03-29T01:10:00Z', '2026-03-29T05:00:00.000Z'],
    ['the night of 25 hours ends at 07:00', '2026-10-24T20:30:00Z', '2026-10-25T06:00:00.000Z'],
    ['… from the first 02:10', '2026-10-25T00:10:00Z', '2026-10-25T06:00:00.000Z'],
    ['… and from the second', '2026-10-25T01:10:00Z', '2026-10-25T06:00:00.000Z'],
  ])('%s', (_, from, until) => {
    expect(end([night], from)).toBe(until)
  })

  test.each([
    ['an end that the clocks jump over is the jump', { ends: 150 }, '2026-03-29T00:30:00Z', '2026-03-29T01:00:00.000Z'],
    ['a begin that they jump over is the jump', { begins: 150 }, '2026-03-29T01:00:00Z', '2026-03-29T05:00:00.000Z'],
    ['an end that comes twice is the first', { ends: 150 }, '2026-10-24T22:00:00Z', '2026-10-25T00:30:00.000Z'],
    ['… and what is before it again waits again', { ends: 150 }, '2026-10-25T01:10:00Z', '2026-10-25T01:30:00.000Z'],
    ['all day is all day', { begins: 0, ends: 0, days: [2] }, '2026-11-24T11:00:00Z', '2026-11-24T23:00:00.000Z'],
  ])('%s', (_, changes, from, until) => {
    expect(end([{ ...night, ...changes }], from)).toBe(until)
  })

  test('days are those on which the hours begin', () => {
    const friday = [{ ...night, days: [5] }]
    expect(end(friday, '2026-11-28T03:00:00Z')).toBe('2026-11-28T06:00:00.000Z')
    expect(end(friday, '2026-11-27T03:00:00Z')).toBe('2026-11-27T03:00:00.000Z')
  })

  test('hours that follow on each other are one', () => {
    const weekend: QuietHours = { zone: 'Europe/Berlin', begins: 0, ends: 0, days: [6, 7] }
    expect(end([night, weekend], '2026-11-27T21:30:00Z')).toBe('2026-11-30T06:00:00.000Z')
  })

  test('who is never to be disturbed waits eight days', () => {
    const always = { ...night, begins: 0, ends: 0 }
    expect(end([always], '2026-11-24T12:00:00Z')).toBe('2026-12-02T12:00:00.000Z')
  })

  test('is what looking at the clock each minute finds, in any zone around its changes', () => {
    const zones = [
      'Europe/Berlin',
      'America/New_York',
      'Australia/Lord_Howe',
      'Asia/Kathmandu',
      'Pacific/Chatham',
      'UTC',
    ]
    const minute = fc.integer({ min: 0, max: 24 * 60 - 1 })
    const start = fc.constantFrom('2026-03-28', '2026-03-08', '2026-04-04', '2026-10-24', '2026-11-01', '2026-09-26')
    fc.assert(
      fc.property(fc.constantFrom(...zones), minute, minute, start, minute, (zone, begins, ends, day, later) => {
        fc.pre(begins !== ends)
        const from = at(`${day}T00:00:00Z`) + later * 60_000
        const isQuiet = (time: number) => {
          const { hour, minute } = localTime(zone, time)
          const now = hour * 60 + minute
          return begins < ends ? begins <= now && now < ends : now >= begins || now < ends
        }
        let expected = from
        while (expected < from + 2 * 24 * 60 * 60_000 && isQuiet(expected)) expected += 60_000
        const found = endOfQuiet([{ zone, begins, ends, days: null }], from)
        expect(found).toBe(expected)
      }),
      { numRuns: 100 },
    )
  })
})
