import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compileMap } from './compile-map.ts'

fc.configureGlobal({ seed: 20261126 })

const compile = (mappings: unknown) => {
  const map = compileMap(JSON.stringify({ Source: 's', Mappings: mappings }))
  if (!map) throw new Error('no map')
  return { ...map, messages: map.faults.map(({ path, message }) => `${path}: ${message}`) }
}
const entry = (field: string, type: string, id?: unknown, more: object = {}) => ({
  ...{ SourceField: field, DataType: type, MeasurementName: `m ${field}`, source_measurement_id: id },
  ...more,
})

test('a name below a nested entry stays there, and the case of types does not count', () => {
  const { root, messages, names } = compile([
    entry('name', 'TEXT', 1),
    entry('repos', 'Nested', 2, {
      NestedMappings: [entry('name', 'text', 3), entry('stars', ' Int ', 4)],
      ItemKey: 'name',
    }),
  ])
  expect(messages).toEqual([])
  expect(root.get('name')).toEqual({ kind: 'value', id: 1, type: 'text', name: 'm name' })
  const repos = root.get('repos')
  expect(repos).toMatchObject({ kind: 'nested', id: 2, itemKey: 'name' })
  expect(repos?.kind === 'nested' && [...repos.level.keys()]).toEqual(['name', 'stars'])
  expect(root.has('stars')).toBe(false)
  expect([...names]).toEqual([
    [1, 'm name'],
    [2, 'm repos'],
    [3, 'm name'],
    [4, 'm stars'],
  ])
})

test.each<[string, unknown[], string[], object]>([
  [
    'a missing id',
    [entry('a', 'int')],
    ['a: source_measurement_id is missing'],
    { kind: 'faulty', reason: 'no-measurement-id' },
  ],
  [
    'an id that is none',
    [entry('a', 'int', 'x')],
    ['a: source_measurement_id "x" is not an id'],
    { kind: 'faulty', reason: 'no-measurement-id' },
  ],
  [
    'an id that is too large',
    [entry('a', 'int', 2 ** 31)],
    ['a: source_measurement_id 2147483648 is not an id'],
    { kind: 'faulty' },
  ],
  [
    'an id as text',
    [entry('a', 'int', '7')],
    ['a: source_measurement_id is text; it is read as a number'],
    { kind: 'value', id: 7 },
  ],
  [
    'a doubled id',
    [entry('b', 'int', 1), entry('a', 'int', 1)],
    ['a: source_measurement_id 1 is already used for m b'],
    { kind: 'faulty', reason: 'doubled-measurement-id' },
  ],
  [
    'an unknown type',
    [entry('a', 'wibble', 1)],
    ['a: unknown DataType "wibble"; use int, float, text, paragraph, comment, link, image, date, bool or nested'],
    { kind: 'faulty', reason: 'unknown-type' },
  ],
  [
    'a doubled field',
    [entry('a', 'int', 1), entry('a', 'text', 2)],
    ['a: two entries for this field on one level; the last one counts'],
    { kind: 'value', id: 2 },
  ],
  [
    'children of a value',
    [entry('a', 'int', 1, { NestedMappings: [entry('b', 'int', 2)] })],
    ['a: NestedMappings below type int are ignored'],
    { kind: 'value', id: 1 },
  ],
  [
    'children that are no list',
    [entry('a', 'nested', 1, { NestedMappings: {} })],
    ['a: NestedMappings is not a list'],
    { kind: 'faulty', reason: 'bad-entry' },
  ],
])('%s costs its entry at most, and is reported', (_, mappings, messages, expected) => {
  const map = compile([...mappings, entry('good', 'int', 99)])
  expect(map.messages).toEqual(messages)
  expect(map.root.get('a')).toMatchObject(expected)
  expect(map.root.get('good')).toMatchObject({ kind: 'value', id: 99 })
})

test('a nested entry without id keeps its children', () => {
  const { root } = compile([entry('a', 'nested', undefined, { NestedMappings: [entry('b', 'int', 2)] })])
  expect(root.get('a')).toMatchObject({ kind: 'nested', id: null })
})

test('entries that are not entries are reported with their place', () => {
  expect(compile([null, 5, { DataType: 'int' }]).messages).toEqual(
    ['0', '1', '2'].map((at) => `${at}: an entry has no SourceField`),
  )
})

test('a name that repeats on every level ends with the map', () => {
  let children: object[] = []
  for (let level = 0; level < 500; level++) children = [entry('a', 'nested', level + 1, { NestedMappings: children })]
  expect(compile(children).messages.some((message) => message.includes('nested deeper than 100 levels'))).toBe(true)
})

test('an empty map is a map; anything else is null', () => {
  expect(compile([]).root.size).toBe(0)
  expect(compileMap('{"Source":"template"}')?.root.size).toBe(0)
  for (const text of ['', '5', 'null', '[]', '{"Mappings":5}', "{'Mappings':[]}"]) expect(compileMap(text)).toBeNull()
})

test('a map of very many values is not parsed', () => {
  expect(compileMap(`{"Mappings":[],"Other":[${'{},'.repeat(500_000)}{}]}`)).toBeNull()
})

test('no map makes it throw', () => {
  const field = fc.oneof(fc.string(), fc.constantFrom('a', '__proto__', 'constructor'), fc.jsonValue())
  const { mappings } = fc.letrec((tie) => ({
    mappings: fc.oneof({ maxDepth: 4 }, fc.jsonValue(), fc.array(tie('entry'), { maxLength: 4 })),
    entry: fc.record(
      {
        SourceField: field,
        DataType: fc.oneof(fc.constantFrom('int', 'NESTED', 'text'), fc.jsonValue()),
        MeasurementName: field,
        source_measurement_id: fc.oneof(fc.nat(5), fc.jsonValue()),
        ItemKey: field,
        NestedMappings: tie('mappings'),
      },
      { requiredKeys: [] },
    ),
  }))
  fc.assert(
    fc.property(mappings, (given) => {
      const map = compileMap(JSON.stringify({ Mappings: given }))
      expect(map === null).toBe(!(Array.isArray(given) || given === null || given === undefined))
    }),
    { numRuns: 1000 },
  )
})

test('endless nesting in place of an id or a type costs only its entry', () => {
  const deep = '['.repeat(200_000) + ']'.repeat(200_000)
  const entries = ['"DataType":"int","source_measurement_id":', '"source_measurement_id":1,"DataType":'].map(
    (start, index) => `{"SourceField":"${index}",${start}${deep}}`,
  )
  const compiled = compileMap(`{"Mappings":[${entries.join(',')},${JSON.stringify(entry('a', 'int', 2))}]}`)
  expect([...compiled!.root.values()].map((one) => (one.kind === 'faulty' ? one.reason : one.kind))).toEqual([
    'no-measurement-id',
    'unknown-type',
    'value',
  ])
  expect(compiled!.faults.every(({ message }) => message.length < 200)).toBe(true)
})

test('of very many faults the first are listed, and the others counted', () => {
  const entries = Array.from({ length: 100_000 }, (_, n) => ({ SourceField: `f${n}`, DataType: '?' }))
  const compiled = compileMap(JSON.stringify({ Source: 's', Mappings: entries }))
  expect(compiled?.root.size).toBe(100_000)
  expect(compiled?.faults).toHaveLength(101)
  expect(compiled?.faults.at(-1)).toEqual({ path: '…', message: '199,900 more faults are not listed' })
})
