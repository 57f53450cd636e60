import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isStorable, readIso } from './iso-time.ts'

// The same cases in each run.
fc.configureGlobal({ seed: 1 })

describe('readIso', () => {
  test.each([
    ['2026-01-31T12:34:56Z', '2026-01-31T12:34:56.000Z'],
    ['2026-01-31T12:34:56', '2026-01-31T12:34:56.000Z'],
    ['2026-01-31 12:34:56', '2026-01-31T12:34:56.000Z'],
    ['2026-01-31t12:34:56z', '2026-01-31T12:34:56.000Z'],
    ['2026-01-31T12:34', '2026-01-31T12:34:00.000Z'],
    ['2026-01-31', '2026-01-31T00:00:00.000Z'],
    ['2026-01-31T12:34:56.789123+00:00', '2026-01-31T12:34:56.789Z'],
    ['2026-01-31T12:34:56,5', '2026-01-31T12:34:56.500Z'],
    ['2026-01-31T12:34:56+02:00', '2026-01-31T10:34:56.000Z'],
    ['2026-01-31T12:34:56-0530', '2026-01-31T18:04:56.000Z'],
    ['2026-01-31T12:34:56+14', '2026-01-30T22:34:56.000Z'],
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00.000Z'],
    ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00.000Z'],
    [' 2026-01-31T12:34:56Z\n', '2026-01-31T12:34:56.000Z'],
  ])('%j is %s', (text, time) => expect(new Date(readIso(text) ?? Number.NaN).toISOString()).toBe(time))

  test.each([
    ...[
      '',
      'yesterday',
      '1700000000',
      '2026',
      '2026-01',
      '2026-1-31',
      '31.01.2026',
      '2026-13-01',
      '2026-02-30',
      '2025-02-29',
      '2026-01-00',
    ],
    ...[
      '2026-01-31T24:00:00',
      '2026-01-31T12:60:00',
      '2026-01-31T12:00:60',
      '2026-01-31T',
      '2026-01-31T12',
      '2026-01-31T12:34:56+24:00',
    ],
    ...[
      '2026-01-31T12:34:56+01:60',
      '2026-01-31T12:34:56 CET',
      '2026-01-31Z',
      '+002026-01-31',
      '2026-01-31T12:34:56Zx',
    ],
  ])('%j is no time', (text) => expect(readIso(text)).toBeNull())

  const times = fc.date({
    min: new Date('0001-01-01T00:00:00Z'),
    max: new Date('9999-12-31T00:00:00Z'),
    noInvalidDate: true,
  })
  test('reads the forms that others write', () => {
    fc.assert(fc.property(times, (date) => readIso(date.toISOString()) === date.getTime()))
    fc.assert(fc.property(times, (date) => readIso(date.toISOString().slice(0, -1)) === date.getTime()))
  })
})

test.each([
  ['0001-01-01', true],
  ['0000-12-31', false],
  ['0001-01-01T00:00:00+01:00', false],
  ['9999-12-31T23:59:59.999Z', true],
  ['9999-12-31T23:59:59-01:00', false],
  ['2026-02-30', false],
])('whether Postgres takes %s: %s', (text, is) => {
  expect(isStorable(text)).toBe(is)
})
