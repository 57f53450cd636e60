import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { clean, cut, excerpt } from './shorten.ts'

// The same cases at each run.
fc.configureGlobal({ seed: 1 })

/** Any UTF-16 at all, lone surrogates and control characters too. */
const anyText = fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units))

describe('clean', () => {
  test.each([
    ['a\r\nBcc: all@example.com', 'a Bcc: all@example.com'],
    ['  plain text ', 'plain text'],
    ['nul\u0000 tab\t bell\u0007', 'nul tab bell'],
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

test('cut ends at a word and never within a number', () => {
  expect(cut('Observability for large language models', 20)).toBe('Observability for…')
  expect(cut(`abc${'1'.repeat(100)}`, 20)).toBe('abc…')
  expect(cut('1'.repeat(100), 5)).toBe('1111…')
})

test('an excerpt is one line, and says when it leaves something out', () => {
  expect(excerpt('  a \n b\u0007 ', 20)).toBe('a b')
  expect(excerpt(`a${'\n'.repeat(1000)}b`, 20)).toBe('a…')
  expect(excerpt(`a\n${'b'.repeat(1000)}`, 5)).toBe('a bb…')
})
