import { describe, expect, test } from 'vitest'
import { requireCount, requireDuration, requireEventId, requireFuture, requireId } from './read-typed.ts'

const now = Date.parse('2026-03-10T12:00Z')

describe('a time to come', () => {
  test.each([
    ['90m', '2026-03-10T13:30'],
    ['12h', '2026-03-11T00:00'],
    ['7d', '2026-03-17T12:00'],
    ['2026-03-11', '2026-03-11T00:00'],
    ['2026-03-11T08:00', '2026-03-11T08:00'],
    ['2026-03-11T08:00+02:00', '2026-03-11T06:00'],
    ['2028-02-29', '2028-02-29T00:00'],
  ])('%s', (text, expected) => {
    expect(requireFuture(text, '--until', now)).toBe(Date.parse(`${expected}Z`))
  })

  test.each([
    ['2026-03-10', 'it is in the past'],
    ['2027-13-01', 'month 13 is not 1–12'],
    ['2027-00-10', 'month 00 is not 1–12'],
    ['2027-02-29', 'month 2 of 2027 has no day 29'],
    ['2027-04-31T08:00+02:00', 'month 4 of 2027 has no day 31'],
    ['2026-03-32', 'day 32 is not 1–31'],
    ['2026-03-11T25:00Z', 'hour 25 is not 0–23'],
    ['0m', 'give a time from now'],
    ['tomorrow', 'give a time in the future'],
    ['11/03/2026', 'give a time in the future'],
    ['123456d', 'give a time in the future'],
    ['', 'give a time in the future'],
  ])('%j is refused: %s', (text, reason) => {
    expect(() => requireFuture(text, '--until', now)).toThrow(`--until is ${JSON.stringify(text)}: ${reason}`)
  })
})

test('a duration', () => {
  expect(requireDuration('90m', '--for')).toBe(90 * 60_000)
  expect(requireDuration('7d', '--for')).toBe(7 * 86_400_000)
  for (const text of ['0h', '7', 'd', '1w', '-1d', '1.5h'])
    expect(() => requireDuration(text, '--for')).toThrow(`--for is ${JSON.stringify(text)}: give a time such as`)
})

describe('a count', () => {
  test('within its range', () => {
    expect(requireCount('1', '--limit')).toBe(1)
    expect(requireCount('007', '--limit')).toBe(7)
    expect(requireCount('0', '--hour', { least: 0, most: 23 })).toBe(0)
  })
  test.each(['0', '-1', '1.5', '1e3', '', ' 1', 'many', '0x10'])('%j is none', (text) => {
    expect(() => requireCount(text, '--limit')).toThrow(
      `--limit is ${JSON.stringify(text)}: give a whole number above 0.`,
    )
  })
  test('beyond its range the error names the range', () => {
    for (const text of ['24', '-1'])
      expect(() => requireCount(text, '--hour', { least: 0, most: 23 })).toThrow(
        `--hour is "${text}": give a whole number from 0 to 23.`,
      )
    expect(() => requireCount('2147483648', '--limit')).toThrow(
      '--limit is "2147483648": give a whole number from 1 to 2147483647.',
    )
    expect(() => requireCount('99', '--days', { most: 30 })).toThrow('give a whole number from 1 to 30.')
  })
})

test('an id', () => {
  expect(requireId('12', 'Remedy.')).toBe(12)
  for (const text of ['x', '', '1.5', '2147483648', '-1']) {
    expect(() => requireId(text, 'Remedy.')).toThrow(`${JSON.stringify(text)} is not an id. Remedy.`)
    expect(() => requireId(text, 'Remedy.', '--channel')).toThrow(
      `--channel is ${JSON.stringify(text)}, which is not an id. Remedy.`,
    )
  }
})

test('an event id', () => {
  const id = '8517922a-a7f2-537f-895f-9e49f6bed872'
  expect(requireEventId(id.toUpperCase(), '--event')).toBe(id)
  for (const text of ['', '12', `${id}0`])
    expect(() => requireEventId(text, '--event')).toThrow(`--event is ${JSON.stringify(text)}: give an event id`)
})
