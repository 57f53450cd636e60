import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  formatChange,
  formatCount,
  formatDate,
  formatList,
  formatNumber,
  formatExact,
  formatNumbers,
  formatPercent,
  formatShortTime,
  formatTime,
} from './format.ts'

// The same cases at each run.
fc.configureGlobal({ seed: 1 })

test.each([
  [0, '0'],
  [-0, '0'],
  [1234567, '1,234,567'],
  [12_345_678, '12.3 million'],
  [-4_300_000_000, '-4.3 billion'],
  [4.5678, '4.57'],
  [1234.5, '1,234.5'],
  [0.00123456, '0.00123'],
  [1.2e300, '1.2 × 10^300'],
  [5e-324, '4.94 × 10^-324'],
  [1e15, '1 × 10^15'],
])('%d', (value, said) => {
  expect(formatNumber(value)).toBe(said)
})

test('two that differ are told apart', () => {
  expect(formatNumbers(12_345_678, 12_345_679)).toEqual(['12,345,678', '12,345,679'])
  expect(formatNumbers(1.001, 1.002)).toEqual(['1.001', '1.002'])
  fc.assert(
    fc.property(
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      (a, b) => {
        const [left, right] = formatNumbers(a, b)
        expect(left === right).toBe(a === b)
      },
    ),
  )
})

test.each([
  [14.2857, '14%'],
  [-5.26, '5.3%'],
  [0.0432, '0.043%'],
  [1.25e-14, '1.3 × 10^-14%'],
  [1900, '1,900%'],
])('%d percent', (percent, said) => {
  expect(formatPercent(percent)).toBe(said)
})

test.each([
  [50, '+50%'],
  [12.345, '+12%'],
  [-7.5, '-7.5%'],
  [0, '0%'],
  [123456.7, '+123,457%'],
])('a change by %d percent', (percent, expected) => {
  expect(formatChange(percent)).toBe(expected)
})

test('times and days are UTC', () => {
  expect(formatTime(Date.UTC(2026, 10, 24, 19, 35))).toBe('24 November 2026, 19:35 UTC')
  expect(formatShortTime(Date.UTC(2026, 10, 4, 9, 5, 59, 999))).toBe('2026-11-04 09:05 UTC')
  expect(formatDate(Date.UTC(2026, 10, 24, 23, 59, 59))).toBe('24 November 2026')
})

test('a count has its noun in the right number', () => {
  expect([0, 1, 2].map((number) => formatCount(number, 'day'))).toEqual(['0 days', '1 day', '2 days'])
  expect(formatCount(2, 'series')).toBe('2 series')
})

test('a list says how many it leaves out', () => {
  expect(formatList(['a', 'b', 'c', 'd', 'e'], 2)).toBe('a, b and 3 more')
  expect(formatList(['a', 'b'], 1)).toBe('a and 1 more')
  expect(formatList(['a', 'b', 'c'])).toBe('a, b and c')
  expect(formatList(['a'])).toBe('a')
  expect(formatList([])).toBe('nothing')
})

test('an exact number keeps all its digits, and no other text changes', () => {
  expect(formatExact('14360')).toBe('14,360')
  expect(formatExact('-12345678901234567890.10')).toBe('-12,345,678,901,234,567,890.1')
  for (const text of ['', '1e21', '12:30', 'v1.2.3', '0x10', '-', '1.']) expect(formatExact(text)).toBe(text)
  fc.assert(
    fc.property(fc.bigInt(), (number) => {
      expect(BigInt(formatExact(String(number)).replaceAll(',', ''))).toBe(number)
    }),
  )
})
