import { expect, test } from 'vitest'
import { readCsvSeries, writeCsvSeries } from './csv-series.ts'

const day = (text: string) => Date.parse(`${text}T00:00:00Z`)
const first = day('2026-03-10')
const second = day('2026-03-17')

test.each([
  ['names', 'timestamp,value\n2026-03-10,5\n2026-03-17,6\n'],
  ['no names', '2026-03-10,5\n2026-03-17,6\n'],
  ['semicolons', 'timestamp;value\n2026-03-10;5\n2026-03-17;6\n'],
  ['tabs', 'timestamp\tvalue\n2026-03-10\t5\n2026-03-17\t6\n'],
  ['bars', '2026-03-10|5\n2026-03-17|6'],
  ['CRLF', 'timestamp,value\r\n2026-03-10,5\r\n2026-03-17,6\r\n'],
  ['CR', 'timestamp,value\r2026-03-10,5\r2026-03-17,6'],
  ['a byte order mark', '\ufefftimestamp,value\n2026-03-10,5\n2026-03-17,6'],
  ['blanks and blank lines', '\n timestamp , value \n2026-03-10 , 5\n\n  \n 2026-03-17,6 \n\n'],
  ['quotes', '"timestamp","value"\n"2026-03-10","5"\n"2026-03-17","6"'],
  ['other names and order', 'value,date\n5,2026-03-10\n6,2026-03-17'],
  ['other columns', 'company,timestamp,value\n"Acme, Inc.",2026-03-10,5\nx,2026-03-17,6'],
  ['names that nobody knows', 'when,stars\n2026-03-10,5\n2026-03-17,6'],
  ['times of a day', 'timestamp,value\n2026-03-10 00:00:00.000000,5\n2026-03-17T02:00:00+02:00,6'],
  ['seconds since 1970', `timestamp,value\n${first / 1000},5\n${second / 1000},6`],
  ['milliseconds since 1970', `timestamp,value\n${first},5\n${second},6`],
])('reads a file with %s', (_, text) => {
  expect(readCsvSeries(text)).toMatchObject({ times: [first, second], values: [5, 6], order: [0, 1] })
})

test.each([
  ['5', 5],
  ['-0.5', -0.5],
  ['1e308', 1e308],
  ['NaN', null],
  ['null', null],
  ['', null],
])('reads the value %j as %j', (text, value) => {
  expect(readCsvSeries(`timestamp,value\n2026-03-10,${text}\n`).values).toEqual([value])
})

test('reads a comma within a number where columns are separated otherwise', () => {
  expect(readCsvSeries('2026-03-10;5,25').values).toEqual([5.25])
})

test('takes times from 1970 to 2100', () => {
  const { times } = readCsvSeries('1970-01-01 00:00:00,1\n2100-12-31T23:59:59Z,2')
  expect(times).toEqual([0, Date.parse('2100-12-31T23:59:59Z')])
})

test('keeps rows as they are, and puts unsorted and doubled times in order', () => {
  const series = readCsvSeries('timestamp,value\n2026-03-17,6\n2026-03-10,5\n2026-03-17,7\n')
  expect(series.order).toEqual([1, 0, 2])
  expect(writeCsvSeries(series, ['score'], (row) => [row / 4])).toBe(
    'timestamp,value,score\n2026-03-17,6,0\n2026-03-10,5,0.25\n2026-03-17,7,0.5\n',
  )
})

test('writes no names where the file has none', () => {
  const series = readCsvSeries('2026-03-10;5\r\n2026-03-17;6\r\n')
  expect(writeCsvSeries(series, ['score'], () => [1])).toBe('2026-03-10;5;1\n2026-03-17;6;1\n')
})

test.each([
  ['', ''],
  ['\ufeff', ''],
  ['\n\n', ''],
  ['timestamp,value\n', 'timestamp,value,score\n'],
])('an empty file %j stays empty', (text, written) => {
  expect(writeCsvSeries(readCsvSeries(text), ['score'], () => [1])).toBe(written)
})

test.each([
  ['timestamp,value\n2026-03-10,5\n2026-03-17,many\n', 'line 3: "many" is not a number'],
  ['timestamp,value\n2026-03-10,1e400\n', 'line 2: "1e400" is not a number'],
  ['timestamp,value\nyesterday,5\n', 'line 2: "yesterday" is not a time'],
  ['timestamp,value\n2026-02-30,5\n', 'line 2: "2026-02-30" is not a time: month 2 of 2026 has no day 30'],
  ['timestamp,value\n2026-03-10 25:00,5\n', 'line 2: "2026-03-10 25:00" is not a time: hour 25 is not 0–23'],
  ['2026-03-10\n', 'line 1: only one column'],
  ['value,x,timestamp\n5,6\n', 'line 2: only 2 columns'],
])('says which line is wrong in %j', (text, message) => {
  expect(() => readCsvSeries(text)).toThrow(message)
})

test('reads a million rows', () => {
  const rows = Array.from({ length: 1_000_000 }, (_, i) => `${i * 60},${i % 7}`)
  const series = readCsvSeries(rows.join('\n'))
  expect(series.times).toHaveLength(1_000_000)
  expect(series.times.at(-1)).toBe(999_999 * 60_000)
})
