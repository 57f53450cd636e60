import fc from 'fast-check'
import { expect, test } from 'vitest'
import { printPython, type Json } from './print-python.ts'

// The same cases at each run.
fc.configureGlobal({ seed: 1 })

test.each<[Json, string]>([
  [{ Source: 'npm', Mappings: [] }, "{'Source': 'npm', 'Mappings': []}"],
  [[null, true, false], '[None, True, False]'],
  [[1, -2.5, 1e21], '[1, -2.5, 1e+21]'],
  ["it's", `"it's"`],
  ['say "hi"', `'say "hi"'`],
  [`it's "hi"`, `'it\\'s "hi"'`],
  ['a\\b\n\r\t', "'a\\\\b\\n\\r\\t'"],
  ['\u0000\u007f\u00a0', "'\\x00\\x7f\\xa0'"],
  ['\u2028\ud800', "'\\u2028\\ud800'"],
  ['\u{e0001}', "'\\U000e0001'"],
  ['größe 東京 🚀', "'größe 東京 🚀'"],
])('%j is printed as repr prints it', (value, text) => {
  expect(printPython(value)).toBe(text)
})

test('any JSON value can be read back', () => {
  fc.assert(
    fc.property(fc.jsonValue({ stringUnit: 'binary' }) as fc.Arbitrary<Json>, (value) => {
      expect(readLiteral(printPython(value))).toStrictEqual(withoutNegativeZero(value))
    }),
    { numRuns: 500 },
  )
})

test('what has no literal is refused', () => {
  expect(() => printPython(NaN)).toThrow(/no Python literal/)
})

/** A second reading, independent of the printer: but for three names and `\U` a literal is JavaScript too. */
function readLiteral(text: string): unknown {
  const script = text
    .replace(/\\(\\|U[0-9a-f]{8})/g, (match, code: string) => (code === '\\' ? match : `\\u{${code.slice(1)}}`))
    .replaceAll(/(["'])__proto__\1: /g, "['__proto__']: ")
  return new Function('None', 'True', 'False', `return (${script})`)(null, true, false)
}

function withoutNegativeZero(value: Json): unknown {
  return JSON.parse(JSON.stringify(value))
}
