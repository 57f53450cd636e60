import fc from 'fast-check'
import { expect, test } from 'vitest'
import { asCell, writeCsv } from './csv.ts'

test.each([
  ['plain', 'plain'],
  ['a,b', '"a,b"'],
  ['say "hi"', '"say ""hi"""'],
  ['two\nlines', '"two\nlines"'],
  ['=1+1', "'=1+1"],
  ['@SUM(A1)', "'@SUM(A1)"],
  ['+49 30', "'+49 30"],
  ['-1', "'-1"],
  [' =1', "' =1"],
  ['\t=1', '"\'\t=1"'],
  ['＝1', "'＝1"],
  [-1.5, '-1.5'],
  [1e21, '1e+21'],
  [true, 'true'],
  [null, ''],
  ['', ''],
])('%j is the cell %s', (value, cell) => {
  expect(writeCsv(['a'], [{ a: value }])).toBe(`a\r\n${cell}\r\n`)
})

test.each([
  ['-5', '-5'],
  ['-0.25', '-0.25'],
  ['12', '12'],
  ['-12345678901234567890', "'-12345678901234567890"],
  ['-1.50', "'-1.50"],
  ['-Infinity', "'-Infinity"],
  ['-5+1', "'-5+1"],
  ['007', '007'],
  ['', ''],
  [null, ''],
])('the text %j, which may be a number, is the cell %s', (text, cell) => {
  expect(writeCsv(['a'], [{ a: asCell(text) }])).toBe(`a\r\n${cell}\r\n`)
})

/** A reader of RFC 4180. */
function readCsv(text: string): string[][] {
  const rows: string[][] = [[]]
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)) {
    rows.at(-1)!.push(quoted?.replaceAll('""', '"') ?? plain ?? '')
    if (end === '\r\n') rows.push([])
  }
  return rows.slice(0, -1)
}

test('whatever the texts, a reader gets them back, and none is a formula', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.string({ unit: 'binary' }), fc.string()), { maxLength: 5 }), (pairs) => {
      const [, ...rows] = readCsv(
        writeCsv(
          ['a', 'b'],
          pairs.map(([a, b]) => ({ a, b })),
        ),
      )
      expect(rows.map((row) => row.map((cell) => cell.replace(/^'/, '')))).toEqual(
        pairs.map((pair) => pair.map((text) => text.replace(/^'/, ''))),
      )
      for (const cell of rows.flat()) expect(cell).not.toMatch(/^\s*[=+\-@]/)
    }),
  )
})
