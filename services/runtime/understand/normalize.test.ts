import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isStorable } from '../read/json-text.ts'
import { parse, type Structure } from '../read/parse.ts'
import { compileMap } from './compile-map.ts'
import { normalize } from './normalize.ts'

function run(json: string, mappings: unknown) {
  const { root } = parse(json, { MAX_LEAVES: 200_000, MAX_DEPTH: 100 })
  const map = compileMap(JSON.stringify({ Mappings: mappings }))
  if (!root || !map) throw new Error('no payload or no map')
  return normalize(root as Structure, map)
}

let nextId = 0
const entry = (field: string, type: string, more: object = {}) => ({
  ...{ SourceField: field, DataType: type, MeasurementName: field, source_measurement_id: ++nextId },
  ...more,
})
const nested = (field: string, ...children: object[]) => entry(field, 'nested', { NestedMappings: children })

const repos = [entry('name', 'text'), nested('repos', entry('name', 'text'), entry('stars', 'int'))]

test('each level has its own names, items their own identity', () => {
  const json = '{"name":"org","repos":[{"name":"a","stars":1},{"name":"b","stars":2}],"url":"https://x"}'
  const { values, unmapped, drift } = run(json, repos)
  expect(values.map(({ path, item, seq, text, number }) => [path, item?.key ?? null, seq, text ?? number])).toEqual([
    ['name', null, 0, 'org'],
    ['repos[].name', 'a', 1, 'a'],
    ['repos[].stars', 'a', 2, 1],
    ['repos[].name', 'b', 3, 'b'],
    ['repos[].stars', 'b', 4, 2],
  ])
  expect(unmapped).toEqual([5])
  expect(drift).toEqual([{ kind: 'unknown-path', path: 'url', found: 'text', declared: '' }])
})

test('a nested object is one item, outside of lists', () => {
  const { values, parents } = run('{"place":{"city":"Oslo"}}', [nested('place', entry('city', 'text'))])
  expect(values).toMatchObject([{ path: 'place.city', item: null, text: 'Oslo' }])
  expect(parents.size).toBe(1)
})

test.each([
  ['an empty list', '[]', 1, { nulls: [], refused: [] }],
  ['an empty object', '{}', 1, { nulls: [], refused: [] }],
  ['null', 'null', 0, { nulls: [0], refused: [] }],
  ['nulls', '[null,null]', 1, { nulls: [0], refused: [] }],
  ['null among items', '[null,{"name":"a"}]', 1, { nulls: [0], refused: [] }],
  ['text', '"x"', 1, { refused: [{ reason: 'not-an-object', path: 'repos', seq: 0, leaves: 1, sample: '"x"' }] }],
  ['scalars', '[1,2]', 1, { refused: [{ reason: 'not-an-object', path: 'repos', leaves: 1, sample: '[1,2]' }] }],
  [
    'scalars among items',
    '[1,{"name":"a"}]',
    1,
    { refused: [{ reason: 'not-an-object', path: 'repos[]', leaves: 1 }] },
  ],
  ['lists of items', '[[{"a":1,"b":2}]]', 1, { refused: [{ reason: 'not-an-object', path: 'repos[]', leaves: 2 }] }],
])('nested holding %s', (_, json, series, expected) => {
  const result = run(`{"repos":${json}}`, repos)
  expect(result).toMatchObject(expected)
  expect(result.parents.size).toBe(series)
})

test('of equal members the last is stored, the others are refused', () => {
  const { values, refused } = run('{"a":1,"a":[2],"a":3}', [entry('a', 'int')])
  expect(values).toMatchObject([{ number: 3, seq: 2 }])
  expect(refused).toMatchObject([
    { reason: 'duplicate-key', seq: 0, sample: '1' },
    { reason: 'duplicate-key', seq: 1, sample: '[2]' },
  ])
})

test('values at a wrong entry are refused with its reason', () => {
  const mappings = [{ SourceField: 'a', DataType: 'int' }, entry('b', 'wibble')]
  expect(run('{"a":1,"b":2}', mappings).refused).toMatchObject([
    { reason: 'no-measurement-id' },
    { reason: 'unknown-type' },
  ])
})

test('a refused value costs its siblings nothing', () => {
  const { values, refused } = run('{"a":"x","b":1}', [entry('a', 'int'), entry('b', 'int')])
  expect(refused).toMatchObject([{ path: 'a', reason: 'not-a-number', sample: '"x"' }])
  expect(values).toMatchObject([{ path: 'b', number: 1 }])
})

test('a value of many leaves covers them all', () => {
  const { values, unmapped } = run('{"a":{"x":[{"y":1},{"z":null}],"w":{}},"b":1}', [entry('a', 'text')])
  expect(values).toMatchObject([{ seq: 0, leaves: 3 }])
  expect(unmapped).toEqual([3])
})

describe('drift', () => {
  test('an unknown member is one path, whatever it contains and however often it occurs', () => {
    const { drift, unmapped } = run('{"repos":[{"x":{"y":[1,{"z":2}]}},{"x":1},{"x":null}]}', [nested('repos')])
    expect(drift).toEqual([{ kind: 'unknown-path', path: 'repos[].x', found: 'object', declared: '' }])
    expect(unmapped).toHaveLength(3)
  })
  test('a member is missing if no item has it', () => {
    expect(run('{"repos":[{"name":"a"},{"name":"b"}]}', repos).drift).toEqual([
      { kind: 'missing-path', path: 'name', found: '', declared: 'text' },
      { kind: 'missing-path', path: 'repos[].stars', found: '', declared: 'int' },
    ])
    expect(run('{"name":null,"repos":[]}', repos).drift).toEqual([])
  })
  test('a type differs', () => {
    const mappings = [entry('a', 'int'), entry('b', 'text'), entry('c', 'text'), entry('d', 'date')]
    expect(run('{"a":"5","b":["x"],"c":5,"d":1700000000}', mappings).drift).toEqual([
      { kind: 'retyped-path', path: 'a', found: 'text', declared: 'int' },
      { kind: 'retyped-path', path: 'c', found: 'number', declared: 'text' },
    ])
  })
  test('an item is not an object', () => {
    expect(run('{"r":[{"a":1},7,null,8]}', [nested('r', entry('a', 'int'))]).drift).toEqual([
      { kind: 'retyped-path', path: 'r[]', found: 'number', declared: 'nested' },
    ])
  })
  test('has a limit per payload', () => {
    const members = Array.from({ length: 200 }, (_, index) => `"k${index}":1`)
    expect(run(`{${members.join()}}`, []).drift).toHaveLength(50)
  })
})

test('odd keys have unambiguous paths', () => {
  const paths = run('{"a.b":1,"a b":2,"":3,"x[]":4,"\\u0000":5,"__proto__":6}', []).drift.map(({ path }) => path)
  expect(paths).toEqual(['["a.b"]', 'a b', '[""]', '["x[]"]', '["\\u0000"]', '__proto__'])
})

test('long paths are cut and stay different', () => {
  const key = 'é\u{1f680}'.repeat(500)
  const paths = run(`{"${key}":1,"${key}x":2}`, []).drift.map(({ path }) => path)
  expect(new Set(paths).size).toBe(2)
  expect(paths.every((path) => path.length <= 500 && path.startsWith('é\u{1f680}') && isStorable(path))).toBe(true)
})

test('1,000 levels work: as one value, with as many entries, and with none', () => {
  const levels = 1000
  const json = `{"a":${'{"a":'.repeat(levels - 2)}[7]${'}'.repeat(levels - 2)}}`
  const { root } = parse(json, { MAX_LEAVES: 10, MAX_DEPTH: levels })
  let children = [entry('a', 'text')]
  for (let level = 1; level < 99; level++) children = [nested('a', ...children)]
  for (const [mappings, path] of [
    [[entry('a', 'text')], 'a'],
    [children, Array(99).fill('a').join('.')],
  ] as const) {
    const map = compileMap(JSON.stringify({ Mappings: mappings }))
    const { values } = normalize(root as Structure, map!)
    expect(values).toMatchObject([{ path, seq: 0, leaves: 1, text: expect.stringMatching(/^\{"a":.*\[7\]\}+$/) }])
  }
  expect(normalize(root as Structure, compileMap('{}')!).unmapped).toEqual([0])
})

describe('every leaf is exactly one of stored, refused, null and unmapped', () => {
  type Tree = { text: string } | { items: Tree[] } | { members: [string, Tree][] }
  type Mapping = { SourceField: string; DataType: string; NestedMappings?: Mapping[] }

  const key = fc.constantFrom('a', 'b', 'c', 'id', '1', '__proto__', 'x.y', '')
  const scalar = fc.oneof(
    fc.constantFrom(
      'null',
      'true',
      '0',
      '-0',
      '1e999',
      '3.7',
      '12345678901234567890',
      '"2023-05-18"',
      '"\\u0000"',
      '"\\ud800"',
      '"a"',
    ),
    fc.jsonValue({ maxDepth: 0 }).map((value) => JSON.stringify(value)),
  )
  const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 5 },
      scalar.map((text) => ({ text })),
      fc.array(fc.tuple(key, tie('tree')), { maxLength: 5 }).map((members) => ({ members })),
      fc.array(tie('tree'), { maxLength: 4 }).map((items) => ({ items })),
    ),
  }))
  const { mappings } = fc.letrec<{ mappings: Mapping[]; mapping: Mapping }>((tie) => ({
    mappings: fc.array(tie('mapping'), { maxLength: 5 }),
    mapping: fc.oneof(
      { maxDepth: 4 },
      fc.record({
        SourceField: key,
        DataType: fc.constantFrom('int', 'float', 'TEXT', 'link', 'date', 'bool', 'wibble'),
        source_measurement_id: fc.option(fc.integer({ min: 1, max: 60 })),
      }),
      fc.record({
        SourceField: key,
        DataType: fc.constant('nested'),
        source_measurement_id: fc.option(fc.integer({ min: 1, max: 60 })),
        NestedMappings: tie('mappings'),
      }),
    ),
  }))
  const members = fc.array(fc.tuple(key, tree), { maxLength: 6 })

  const render = (node: Tree): string => {
    if ('text' in node) return node.text
    if ('items' in node) return `[${node.items.map(render).join(', ')}]`
    return `{${node.members.map(([name, value]) => `${JSON.stringify(name)}: ${render(value)}`).join(', ')}}`
  }
  const isFlat = (node: Tree): boolean => 'text' in node || ('items' in node && node.items.every(isFlat))

  /** Paths with positions of all leaves, in the order of the text: found without the code under test. */
  function leaves(node: Tree, path = '$'): string[] {
    if (isFlat(node) || ('members' in node && node.members.length === 0)) return [path]
    if ('items' in node) return node.items.flatMap((item, at) => leaves(item, `${path}/${at}`))
    return 'members' in node ? node.members.flatMap(([name, value], at) => leaves(value, `${path}/${at}:${name}`)) : []
  }

  type Walked = { nulls: string[]; unmapped: string[]; mapped: string[] }

  /** What must become of each leaf, found without the code under test. `mapped` is stored or refused. */
  function expected(payload: [string, Tree][], map: Mapping[]): Walked {
    const result: Walked = { nulls: [], unmapped: [], mapped: [] }
    const isNull = (node: Tree) => 'text' in node && node.text === 'null'

    function level(members: [string, Tree][], entries: Mapping[], path: string): void {
      for (const [at, [name, value]] of members.entries()) {
        const here = `${path}/${at}:${name}`
        const entry = entries.findLast(({ SourceField }) => SourceField === name)
        const isLast = members.findLastIndex(([other]) => other === name) === at
        if (!entry) unnamed(value, here)
        else if (isNull(value)) result.nulls.push(here)
        else if (isLast && entry.NestedMappings) nested(value, entry.NestedMappings, here)
        else result.mapped.push(...leaves(value, here))
      }
    }
    /** An empty list or object is none where the map nests. */
    function nested(value: Tree, entries: Mapping[], path: string): void {
      if ('members' in value) level(value.members, entries, path)
      else if ('items' in value && value.items.length > 0 && value.items.every(isNull)) result.nulls.push(path)
      else if (isFlat(value)) result.mapped.push(...('items' in value && value.items.length === 0 ? [] : [path]))
      else if ('items' in value)
        for (const [at, item] of value.items.entries()) {
          if ('members' in item) level(item.members, entries, `${path}/${at}`)
          else if (isNull(item)) result.nulls.push(`${path}/${at}`)
          else result.mapped.push(...leaves(item, `${path}/${at}`))
        }
    }
    function unnamed(value: Tree, path: string): void {
      if ('members' in value && value.members.length > 0)
        for (const [at, [name, member]] of value.members.entries()) unnamed(member, `${path}/${at}:${name}`)
      else if ('items' in value && !isFlat(value))
        for (const [at, item] of value.items.entries()) unnamed(item, `${path}/${at}`)
      else (isNull(value) ? result.nulls : result.unmapped).push(path)
    }
    level(payload, map, '$')
    return result
  }

  // One that failed is kept here.
  const seeds = [20261126, 70]

  test.each(seeds)('10,000 payloads with random maps, seed %i', { timeout: 120_000 }, (seed) => {
    fc.assert(
      fc.property(members, mappings, (payload, map) => {
        const result = run(render({ members: payload }), map)
        const all = payload.length === 0 ? [] : leaves({ members: payload })
        const covered = [...result.values, ...result.refused].flatMap(({ seq, leaves }) =>
          Array.from({ length: leaves }, (_, at) => seq + at),
        )
        const places = (seqs: number[]) => seqs.map((seq) => all[seq]).toSorted()
        const { nulls, unmapped, mapped } = expected(payload, map)
        expect({
          nulls: places(result.nulls),
          unmapped: places(result.unmapped),
          mapped: places(covered),
        }).toEqual({ nulls: nulls.toSorted(), unmapped: unmapped.toSorted(), mapped: mapped.toSorted() })
        for (const { text, members, path, item, entry } of result.values) {
          const texts = [text, path, item?.key, item?.label, ...(members ?? [])].filter(
            (one) => typeof one === 'string',
          )
          expect(texts.every(isStorable)).toBe(true)
          expect(entry.id).toBeGreaterThan(0)
        }
        for (const { sample, path } of result.refused) expect(isStorable(sample) && isStorable(path)).toBe(true)
      }),
      { seed, numRuns: 10_000 },
    )
  })
})
