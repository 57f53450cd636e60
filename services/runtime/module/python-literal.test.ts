import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import corpus from './python-literal.corpus.json' with { type: 'json' }
import { type Literal, LiteralError, readPythonLiteral } from './python-literal.ts'

// The same cases in each run.
fc.configureGlobal({ seed: 1 })

test('reads what repr wrote, as json.dumps wrote the same values', () => {
  expect(corpus.length).toBeGreaterThan(300)
  for (const { repr, json } of corpus) expect(readPythonLiteral(repr), repr).toEqual(JSON.parse(json))
})

/** Python's `repr` of a JSON value. */
function repr(value: Literal): string {
  if (value === null) return 'None'
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  if (typeof value === 'number') return Object.is(value, -0) ? '0' : String(value)
  if (typeof value === 'string') {
    const quote = value.includes("'") && !value.includes('"') ? '"' : "'"
    const escaped = value
      .replaceAll(/[\\\n\r\t]/g, (char) => JSON.stringify(char).slice(1, -1))
      .replaceAll(quote, `\\${quote}`)
    return quote + escaped + quote
  }
  if (Array.isArray(value)) return `[${value.map(repr).join(', ')}]`
  return `{${Object.entries(value)
    .map(([key, one]) => `${repr(key)}: ${repr(one)}`)
    .join(', ')}}`
}

test('any value survives repr and back', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
      const plain = JSON.parse(JSON.stringify(value)) as Literal
      fc.pre(!JSON.stringify(plain).match(/[0-9]{17}|e\+/))
      expect(readPythonLiteral(repr(plain))).toEqual(plain)
    }),
    { numRuns: 500 },
  )
})

test('any text gives a value or a LiteralError', () => {
  const piece = fc.constantFrom(
    ...`{}[]():,'"\\ `,
    'True',
    'None',
    '1',
    '1e5',
    '-',
    '\\x',
    '\\u',
    '__import__',
    'a',
    '\n',
    '.',
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      try {
        JSON.stringify(readPythonLiteral(pieces.join('')))
      } catch (error) {
        expect(error).toBeInstanceOf(LiteralError)
      }
    }),
    { numRuns: 5000 },
  )
})

describe('refuses', () => {
  test.each([
    ...[
      '',
      ' ',
      '{',
      '[',
      '(',
      "'",
      "'a",
      '[1',
      '[1 2]',
      '[,]',
      '(,)',
      "{'a'}",
      "{'a': }",
      "{'a' 1}",
      "{'a': 1 'b': 2}",
      '1 2',
      '[1]]',
    ],
    ...[
      "{1.5: 'a'}",
      "{None: 'a'}",
      "{[]: 'a'}",
      '{1, 2}',
      'true',
      'null',
      'Truex',
      'nan',
      'inf',
      '-inf',
      '1_000',
      '0x1f',
      '01',
      '1j',
      '--1',
      '+1',
    ],
    ...[
      "'\\q'",
      "'\\x1'",
      "'\\u12'",
      "'\\U00110000'",
      "'\\UFFFFFFFF'",
      "'a\nb'",
      "b'a'",
      "f'a'",
      "r'a'",
      "'a' 'b'",
      "'''a'''",
      '9007199254740993',
    ],
    ...[
      "__import__('os').system('id')",
      '().__class__.__bases__[0]',
      '[x for x in (1,)]',
      'dict(a=1)',
      "'a'.upper()",
      '1+1',
      'lambda: 0',
      '#',
    ],
  ])('%j', (text) => expect(() => readPythonLiteral(text)).toThrow(LiteralError))

  test('a text that is too long or too deep', () => {
    const limits = { maxLength: 100, maxDepth: 3 }
    expect(readPythonLiteral('[[[1]]]', limits)).toEqual([[[1]]])
    expect(() => readPythonLiteral('[[[[1]]]]', limits)).toThrow('more than 3 levels')
    expect(() => readPythonLiteral(`'${'x'.repeat(100)}'`, limits)).toThrow('more than 100 characters')
    expect(() => readPythonLiteral('['.repeat(1_000_000))).toThrow('more than 100 levels')
  })
})

test('accepts what Python accepts besides repr: trailing commas, blanks, a value in parentheses', () => {
  expect(readPythonLiteral(" [ 1 , ( 2 ) , ( 3 , ) , {'a' : 1 , } , ] \n")).toEqual([1, 2, [3], { a: 1 }])
})

test('a key called __proto__ is a key', () => {
  const value = readPythonLiteral("{'__proto__': {'polluted': True}}")
  expect(Object.keys(value as object)).toEqual(['__proto__'])
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
})
