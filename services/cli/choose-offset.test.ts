import { expect, test } from 'vitest'
import { chooseOffset, readTarget } from './choose-offset.ts'

const row = { partition: 1, first: 10, end: 30 }

test.each([
  ['earliest', null, 10],
  ['latest', null, 30],
  ['10', null, 10],
  ['30', null, 30],
  ['2026-11-29T03:10:00Z', 17, 17],
  ['2026-11-29T03:10:00+01:00', 4, 10],
  ['2026-11-29T03:10Z', null, 30],
])('--to %s', (text, byTime, offset) => expect(chooseOffset(row, readTarget(text), byTime)).toBe(offset))

test.each(['9', '31'])('an offset that the partition does not hold is refused: %s', (text) => {
  expect(() => chooseOffset(row, readTarget(text), null)).toThrow('Partition 1 holds offsets 10 to 30')
})

test.each(['', 'first', '-1', '1.5', '2026-11-29', '2026-11-29T03:10:00', 'Sunday'])('%j is no target', (text) => {
  expect(() => readTarget(text)).toThrow(`--to is ${JSON.stringify(text)}: give "earliest", "latest", an offset, or a`)
})

test.each([
  ['2026-02-30T03:10:00Z', 'month 2 of 2026 has no day 30'],
  ['2026-13-01T03:10:00Z', 'month 13 is not 1–12'],
  ['2026-11-29T24:10:00Z', 'hour 24 is not 0–23'],
])('%s is no target: %s', (text, reason) => {
  expect(() => readTarget(text)).toThrow(`--to is ${JSON.stringify(text)}: ${reason}.`)
})
