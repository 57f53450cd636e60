import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cutToWidth, escapeLine, escapeLines, measureWidth, padToWidth, wrapText } from './terminal.ts'

describe('what a terminal would obey is written out', () => {
  test.each([
    ['plain, Größe, 北京, 👨‍👩‍👧', 'plain, Größe, 北京, 👨‍👩‍👧'],
    ['\u001b[2Jgone', '\\u001b[2Jgone'],
    ['\u009b31mred', '\\u009b31mred'],
    ['\u001b]0;title\u0007', '\\u001b]0;title\\u0007'],
    ['a\r\nb\tc\b\u007f', 'a\\r\\nb\\tc\\b\\u007f'],
    ['evil\u202etxt.exe\u2066', 'evil\\u202etxt.exe\\u2066'],
    ['a\u061c\u200e\u200f\u2028\u2029\ufeff\u200b', 'a\\u061c\\u200e\\u200f\\u2028\\u2029\\ufeff\\u200b'],
    ['\u{e0041}', '\\udb40\\udc41'],
    ['\ud800', '\\ud800'],
  ])('%j', (text, shown) => {
    expect(escapeLine(text)).toBe(shown)
  })

  test('lines of a text stay lines', () => {
    expect(escapeLines('a\nb\u001b[A\r\nc')).toBe('a\nb\\u001b[A\\r\nc')
  })
})

test('JSON keeps its meaning and has no character that a terminal would obey', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.string({ unit: 'binary' }), (value, text) => {
      const shown = escapeLines(JSON.stringify([value, text], null, 2))
      expect(JSON.parse(shown)).toEqual(JSON.parse(JSON.stringify([value, text])))
      expect(shown).not.toMatch(/[^\P{Cc}\n]|[\u202a-\u202e\u2066-\u2069]/u)
    }),
    { numRuns: 50 },
  )
})

describe('texts are measured, padded and cut by the columns they take', () => {
  test.each([
    ['', 0],
    ['npm', 3],
    ['Zoë', 3],
    ['Zoe\u0308', 3],
    ['北京', 4],
    ['한국', 4],
    ['🙂', 2],
    ['👨‍👩‍👧', 2],
  ])('%j', (text, width) => {
    expect(measureWidth(text)).toBe(width)
    expect(padToWidth(text, 10)).toBe(text + ' '.repeat(10 - width))
  })

  test.each([
    ['abcdef', 6, 'abcdef'],
    ['abcdef', 5, 'abcd…'],
    ['北京大学', 8, '北京大学'],
    ['北京大学', 7, '北京大…'],
    ['北京大学', 6, '北京…'],
    ['Zoe\u0308s', 4, 'Zoe\u0308s'],
  ])('%j to %i', (text, width, shown) => {
    expect(cutToWidth(text, width)).toBe(shown)
  })
})

test('text is wrapped at blanks, by columns', () => {
  expect(wrapText('one two 北京 three-is-long', 9, '  ')).toBe('  one two\n  北京\n  three-is-long')
  expect(wrapText('a\u001bb', 9)).toBe('a\\u001bb')
})
