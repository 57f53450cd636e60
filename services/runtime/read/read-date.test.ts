import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readDate, readEpoch } from './read-date.ts'

fc.configureGlobal({ seed: 20261126 })

const dates = fc.date({ min: new Date('0001-01-02'), max: new Date('9999-12-30'), noInvalidDate: true })

test('every instant is read from its ISO text', () => {
  fc.assert(fc.property(dates, (date) => void expect(readDate(date.toISOString())).toBe(date.getTime())))
})

test('an offset changes the text and not the instant', () => {
  fc.assert(
    fc.property(dates, fc.integer({ min: -18 * 60, max: 18 * 60 }), (date, minutes) => {
      const local = new Date(date.getTime() + minutes * 60_000).toISOString().slice(0, -1).replace('T', ' ')
      const two = (n: number) => String(n).padStart(2, '0')
      const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60]
      for (const colon of ['', ':'])
        expect(readDate(`${local}${minutes < 0 ? '-' : '+'}${two(hours)}${colon}${two(rest)}`)).toBe(date.getTime())
    }),
  )
})

test('no text makes it throw', () => {
  const known = ['not-a-date', 'no-such-date', 'ambiguous-date']
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 120 }), (text) => {
      const read = readDate(text)
      expect(Number.isSafeInteger(read) || known.includes(read as string)).toBe(true)
    }),
  )
})

test.each([
  ['2023-05-18T17:47', '2023-05-18T17:47:00.000Z'],
  ['2023-05-18 17:47:09 +02', '2023-05-18T15:47:09.000Z'],
  ['2023-05-18 17:47:09 utc', '2023-05-18T17:47:09.000Z'],
  ['2023-05-18T17:47:09,5Z', '2023-05-18T17:47:09.500Z'],
  ['  2023-05-18  ', '2023-05-18T00:00:00.000Z'],
  ['2024-02-29', '2024-02-29T00:00:00.000Z'],
  ['1st September 2024', '2024-09-01T00:00:00.000Z'],
  ['Sept. 1, 2024', '2024-09-01T00:00:00.000Z'],
  ['Saturday, May 6, 2023 10:00 +0530', '2023-05-06T04:30:00.000Z'],
  ['1700000000123', '2023-11-14T22:13:20.123Z'],
])('%s', (text, expected) => {
  expect(new Date(readDate(text) as number).toISOString()).toBe(expected)
})

test.each([
  '2023-02-29',
  '2023-13-01',
  '2023-05-18T17:60:00',
  '2023-05-18T24:00:00',
  '0000-01-01',
  '2023-05-18T10:00:00+19:00',
  '2027-02-30',
  '31 April 2027',
  'Feb 30, 2027 10:00',
])('%s does not exist', (text) => {
  expect(readDate(text)).toBe('no-such-date')
})

test.each(['x', '', '1700000000.', '.5', '1700000000.1.2', '1700000000.1s'])('%s is no date', (text) => {
  expect(readDate(text)).toBe('not-a-date')
})

test.each([
  '2024-05',
  '2024-W05',
  '2024',
  '05/06/2024',
  '5.6.24',
  'yesterday',
  'in 3 days',
  'May 2024',
  '5 May',
  '2023-05-18 10:00 CET',
  '123',
  '12345678901234567',
  '2023-05-18Z',
])('%s is ambiguous', (text) => {
  expect(readDate(text)).toBe('ambiguous-date')
})

test.each([0, -1, 2024, 99_999_999, 1e14, NaN])('%d is not an epoch', (epoch) => {
  expect(readEpoch(String(epoch))).toBe('ambiguous-date')
})

test('epoch seconds may have a fraction', () => {
  expect(readEpoch('1700000000.123')).toBe(1700000000123)
  expect(readEpoch('1700000000.9999999999')).toBe(1700000000999)
  expect(readEpoch('1.7e9')).toBe(1700000000000)
  expect(readEpoch('20230518174709.5')).toBe('ambiguous-date')
})

test('every instant is read from its epoch, in seconds with a fraction and in milliseconds, as text and as a number', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1e11, max: 2e12 }), (ms) => {
      const seconds = `${Math.floor(ms / 1000)}.${String(ms % 1000).padStart(3, '0')}`
      for (const text of [seconds, `${seconds}999999`, String(ms), `${ms}.75`]) expect(readDate(text)).toBe(ms)
      for (const text of [JSON.stringify(ms / 1000), (ms / 1000).toExponential(), ms.toExponential()])
        expect(readEpoch(text)).toBe(ms)
    }),
  )
})
