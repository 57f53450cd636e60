import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { clean, cut, formatPercent, formatTime } from './text.ts'

// The same cases at each run.
fc.configureGlobal({ seed: 1 })

/** Any UTF-16 at all, lone surrogates and control characters too. */
const anyText = fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units))

describe('clean', () => {
  test.each([
    ['a\r\nBcc: all@example.com', 'a Bcc: all@example.com'],
    ['  plain text ', 'plain text'],
    ['nul\u0000 tab\t bell\u0007', 'nul  tab  bell'],
    ['line\u2028paragraph\u2029', 'line paragraph'],
    ['evil\u202Egnp.exe', 'evil gnp.exe'],
    ['Zoë 株式会社 🚀', 'Zoë 株式会社 🚀'],
    ['\ud800', '\ufffd'],
  ])('makes %j one line', (text, expected) => {
    expect(clean(text)).toBe(expected)
  })

  test('never leaves anything that ends a line or a header', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(clean(text)).not.toMatch(/[\p{Cc}\u2028\u2029]/u)
      }),
    )
  })
})

test('cut keeps short text, and long text within its length without breaking a character', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 40 }), (text, length) => {
      const result = cut(text, length)
      expect(result.length).toBeLessThanOrEqual(length)
      expect(result.isWellFormed()).toBe(true)
      if (text.length <= length) expect(result).toBe(text)
      else expect(result.endsWith('…')).toBe(true)
    }),
  )
})

test.each([
  [50, '+50 %'],
  [12.345, '+12.3 %'],
  [-7.5, '−7.5 %'],
  [0, '+0 %'],
  [123456.7, '+123,457 %'],
])('%d percent is %s', (percent, expected) => {
  expect(formatPercent(percent)).toBe(expected)
})

test('formatTime is UTC', () => {
  expect(formatTime(Date.UTC(2026, 10, 24, 19, 35))).toBe('24 Nov 2026, 19:35 UTC')
})
