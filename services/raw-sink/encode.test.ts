import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encodeObject, type Legal, type LegalMap } from './encode.ts'
import { type Json, parseJson } from './parse.ts'

fc.configureGlobal({ seed: 20261126 })

const plenty = 1_000_000
const encodeText = (text: string, room = plenty) => encodeObject(parseJson(text) as { [name: string]: Json }, room)

/** What encode.ts says about reading `data` backwards, word by word: JSON text. */
function decode(value: Legal): string {
  if (typeof value === 'bigint') return String(value)
  if (Array.isArray(value)) return `[${value.map(decode).join(',')}]`
  if (typeof value !== 'object' || value === null) return Object.is(value, -0) ? '-0' : JSON.stringify(value)
  const names = Object.keys(value)
  if (names.length === 1 && names[0] === '$json') return value.$json as string
  return `{${names.map((name) => `${JSON.stringify(name.replace(/^\$/, ''))}:${decode(value[name]!)}`).join(',')}}`
}

/** Numbers by their digits, members in one order: what makes two JSON texts the same. */
function canonical(text: string): string {
  const sorted = (_name: string, value: unknown): unknown =>
    typeof value === 'object' && value !== null && !Array.isArray(value) && !('rawJSON' in value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value
  return JSON.stringify(parseJson(text), sorted)
}

const name = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    '',
    '$',
    '$json',
    '$$',
    '__proto__',
    '__x__',
    '____',
    'constructor',
    'toProto',
    'a.b',
    'nul\0',
    '\ud800',
    'k'.repeat(1500),
  ),
)
const scalar = fc.oneof(
  fc.string({ unit: 'binary' }).map((text) => JSON.stringify(text)),
  fc.constantFrom(
    'null',
    'true',
    '"\\ud800"',
    '"\\u0000"',
    '-0',
    '0.1',
    '1e400',
    '5e-324',
    '9007199254740993',
    '-9223372036854775808',
    '3.14159265358979323846',
  ),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => JSON.stringify(n)),
  fc.bigInt().map(String),
)
const { json } = fc.letrec<{ json: string }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 30, withCrossShrink: true },
    scalar,
    fc.array(tie('json'), { maxLength: 4 }).map((items) => `[${items.join(', ')}]`),
    fc.uniqueArray(fc.tuple(name, tie('json')), { maxLength: 4, selector: ([key]) => key }).map(objectText),
  ),
}))
const objectJson = fc.uniqueArray(fc.tuple(name, json), { maxLength: 5, selector: ([key]) => key }).map(objectText)
const deepJson = fc
  .tuple(objectJson, fc.array(fc.boolean(), { minLength: 10, maxLength: 40 }))
  .map(
    ([inner, levels]) =>
      `{"deep":${levels.reduce((text, isArray) => (isArray ? `[${text},1]` : `{"a":${text}}`), inner)}}`,
  )

function objectText(members: [string, string][]): string {
  return `{${members.map(([key, value]) => `${JSON.stringify(key)}: ${value}`).join(', ')}}`
}

/** Every rule of Firestore that the encoding promises to keep. */
function expectLegal(value: Legal, depth = 1, path = 0, inArray = false): void {
  if (typeof value === 'string') expect(value.isWellFormed()).toBe(true)
  if (typeof value === 'bigint') expect(BigInt.asIntN(64, value)).toBe(value)
  if (typeof value !== 'object' || value === null) return
  expect(depth).toBeLessThanOrEqual(20)
  expect(Array.isArray(value) && inArray).toBe(false)
  for (const [key, member] of Object.entries(value)) {
    const pathBytes = path + (Array.isArray(value) ? 0 : Buffer.byteLength(key))
    if (!Array.isArray(value)) expect(key).not.toMatch(/^$|^__.*__$/s)
    expect(key.isWellFormed()).toBe(true)
    expect(pathBytes).toBeLessThan(1500)
    expectLegal(member, depth + 1, pathBytes, Array.isArray(value))
  }
}

test('any JSON object becomes legal and can be read back as it was', () => {
  fc.assert(
    fc.property(fc.oneof(objectJson, deepJson), (text) => {
      const { data, whole } = encodeText(text)
      expect(whole).toBe(true)
      expectLegal(data)
      expect(canonical(decode(data))).toBe(canonical(text))
    }),
    { numRuns: 2000 },
  )
})

test('never takes more than its room, and says so when something is left out', () => {
  fc.assert(
    fc.property(fc.oneof(objectJson, deepJson), fc.integer({ min: -10, max: 400 }), (text, room) => {
      const cut = encodeText(text, room)
      const all = encodeText(text)
      expectLegal(cut.data)
      expect(cut.bytes).toBeLessThanOrEqual(Math.max(room, 0))
      expect(cut.whole).toBe(all.bytes <= room)
      if (cut.whole) expect(cut.data).toEqual(all.data)
    }),
    { numRuns: 2000 },
  )
})

describe('the table of encode.ts', () => {
  const big = '12345678901234567890123'
  test.each<[string, LegalMap]>([
    [
      '{"a": null, "b": true, "c": "x\\u0000", "d": 1.5, "e": [1, {"f": []}]}',
      { a: null, b: true, c: 'x\0', d: 1.5, e: [1, { f: [] }] },
    ],
    ['{"a": 9007199254740993}', { a: 9007199254740993n }],
    [`{"a": ${big}}`, { a: { $json: big } }],
    ['{"a": 1e400}', { a: { $json: '1e400' } }],
    ['{"a": [[1, 2], [{"b": 9007199254740993}]]}', { a: [{ $json: '[1,2]' }, { $json: '[{"b":9007199254740993}]' }] }],
    ['{"": 1, "__x__": 2, "$a": 3, "_y_": 4}', { $: 1, $__x__: 2, $$a: 3, _y_: 4 }],
    ['{"__proto__": {"a": 1}}', { $__proto__: { a: 1 } }],
    ['{"a": "\\ud800", "b": {"\\udfff": 1}}', { a: { $json: '"\\ud800"' }, b: { $json: '{"\\udfff":1}' } }],
    ['{"a": 1, "a": 2}', { a: 2 }],
  ])('%s', (text, data) => {
    expect(encodeText(text).data).toEqual(data)
  })

  test('what lies too deep is text', () => {
    const { data } = encodeText(`${'{"a":'.repeat(25)}1${'}'.repeat(25)}`)
    let at: Legal = data
    for (let depth = 1; depth < 19; depth++) at = (at as LegalMap).a!
    expect(at).toEqual({ $json: `${'{"a":'.repeat(7)}1${'}'.repeat(7)}` })
  })
})

test('a cut object keeps its small members, a cut array its first items', () => {
  const items = Array.from({ length: 1000 }, (_, n) => n)
  const { data, whole } = encodeObject({ items, name: 'x', text: 'y'.repeat(3000), url: 'z' }, 1000)
  expect(whole).toBe(false)
  expect(data).toEqual({ name: 'x', url: 'z', items: items.slice(0, (data.items as unknown[]).length) })
  expect((data.items as unknown[]).length).toBeGreaterThan(100)
})
