import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isStorable } from '../read/json-text.ts'
import { parse, type Structure } from '../read/parse.ts'
import { compileMap } from './compile-map.ts'
import { identifyItems } from './identify.ts'
import { knownLists, type LearntList, learn } from './learnt-lists.ts'

fc.configureGlobal({ seed: 20261129 })

const list = (field: string, itemKey: string | null, ...inner: object[]) => ({
  ...{ SourceField: field, DataType: 'nested', NestedMappings: inner },
  ...(itemKey !== null && { ItemKey: itemKey }),
})
const mapOf = (field: string, itemKey: string | null) =>
  compileMap(JSON.stringify({ Mappings: [list(field, itemKey, list('inner', null))] }))!

type Options = { field?: string; itemKey?: string | null; stored?: string[] | null }

/** The lists of one source: payloads come one after the other, of one company unless said otherwise. */
function createSource({ field = 'things', itemKey = null, stored = null }: Options = {}) {
  const map = mapOf(field, itemKey)
  const rows: LearntList[] = []
  const identitiesIn = (items: unknown[], company_id = '1', revision: number | null = null) => {
    const { root } = parse(JSON.stringify({ [field]: items }), { MAX_LEAVES: 200_000, MAX_DEPTH: 10 })
    const asker = { company_id, subject_key: '', learns: revision === null }
    const known = rows.filter((row) => revision === null || row.revision <= revision)
    const found = identifyItems(root as Structure, map, {
      ...knownLists(known, {
        ...asker,
        storedBefore: (path) => stored && (path === `${field}[]` ? new Set(stored) : new Set()),
      }),
    })
    rows.push(...learn(found.lessons, asker, rows.length + 1))
    return [...found.identities.values()]
  }
  const identify = (items: unknown[], company?: string, revision?: number | null) =>
    (identitiesIn(items, company, revision)[0] ?? []).map(({ key }) => key)
  return { rows, identitiesIn, identify }
}

/** The item keys of payloads that come one after the other. */
function keys(payloads: unknown[][], options: Options = {}): string[][] {
  const { identify } = createSource(options)
  return payloads.map((items) => identify(items))
}

describe('a list seen for the first time is known by', () => {
  test.each<[string, unknown[], string[]]>([
    [
      'the best natural key',
      [
        { name: 'a', url: 'u1', id: 1 },
        { name: 'b', url: 'u2', id: 2 },
      ],
      ['u1', 'u2'],
    ],
    ['one that all have', [{ name: 'a', url: 'u1' }, { name: 'b' }], ['a', 'b']],
    [
      'one that no two share',
      [
        { url: 'u', id: 1 },
        { url: 'u', id: 2 },
      ],
      ['1', '2'],
    ],
    [
      'one that most have; the others by the next best of their own',
      [{ id: 1 }, { id: 2, name: 'x' }, { name: 'b' }, { x: 1 }],
      ['1', '2', 'name\\=b', '#3'],
    ],
    ['numbers by their digits', [{ id: 1 }, { id: 2.5 }, { id: 3 }], ['1', '2.5', '3']],
    [
      'the text of a group',
      [
        { subreddit: 'de', posts: [] },
        { subreddit: 'all', posts: [{}] },
      ],
      ['de', 'all'],
    ],
    [
      'the position',
      [
        { text: 'x', votes: 1 },
        { text: 'x', votes: 2 },
      ],
      ['#0', '#1'],
    ],
    [
      'the position, where keys can be none',
      [{ id: '' }, { id: null }, { id: ['a'] }, { id: '\0' }],
      ['#0', '#1', '#2', '#3'],
    ],
    ['the position, if it is no object', [5, { id: 'a' }, 'x', { id: 'b' }], ['#0', 'a', '#2', 'b']],
  ])('%s', (_, items, expected) => {
    expect(keys([items])).toEqual([expected])
  })
  test('its own code', () => {
    const naics = [
      { naics_code: '1', sector: 's' },
      { naics_code: '2', sector: 's' },
    ]
    expect(keys([naics], { field: 'naics' })).toEqual([['1', '2']])
    expect(
      keys(
        [
          [
            { round_id: 1, amount: 3 },
            { round_id: 2, amount: 3 },
          ],
        ],
        { field: 'rounds' },
      ),
    ).toEqual([['1', '2']])
  })
})

describe('identity is the list’s', () => {
  const a = { permalink: '/a', name: 'A', stars: 100 }
  const b = { name: 'B', stars: 1 }
  test('an item without the key is known by its own, and moves no other', () => {
    expect(keys([[a], [{ ...a, stars: 300 }, b], [b, a]])).toEqual([['/a'], ['/a', 'name\\=B'], ['name\\=B', '/a']])
  })
  test('the same item twice is one item', () => {
    expect(keys([[a], [a, a], [a, { ...a, stars: 101 }]])).toEqual([['/a'], ['/a', '/a'], ['/a', '/a']])
    expect(keys([[a, a, { ...a, permalink: '/c' }]])).toEqual([['/a', '/a', '/c']])
  })
  test('a key that is not unique is widened, and items that have it alone keep theirs', () => {
    const [one, two, three] = [1, 2, 2].map((id, at) => ({ id, name: 'ABC'[at], stars: 1 }))
    const [first, second] = ['2\\+name\\=B', '2\\+name\\=C']
    expect(keys([[one, two], [one, two, three], [three], [two, one]])).toEqual([
      ['1', '2'],
      ['1', first, second],
      [second],
      [first, '1'],
    ])
  })
  test('a widened key that is not unique is widened again', () => {
    const of = (name: string, title?: string) => ({ url: 'u', name, title })
    expect(keys([[of('A')], [of('A'), of('B')], [of('A', 'x'), of('A', 'y'), of('B')]])).toEqual([
      ['u'],
      ['u\\+name\\=A', 'u\\+name\\=B'],
      ['u\\+name\\=A\\+title\\=x', 'u\\+name\\=A\\+title\\=y', 'u\\+name\\=B'],
    ])
  })
  test('items that only share an address are told apart by what else they say', () => {
    const comment = (text: string) => ({ url: 'thread', text })
    expect(keys([[comment('x'), comment('y'), comment('x')]])).toEqual([
      ['thread\\+text\\=x', 'thread\\+text\\=y', 'thread\\+text\\=x'],
    ])
  })
  test('what one company has twice does not concern another', () => {
    const { identify } = createSource()
    identify([{ id: 1, name: 'A' }])
    expect(
      identify(
        [
          { id: 1, name: 'A' },
          { id: 1, name: 'B' },
        ],
        '2',
      ),
    ).toEqual(['1\\+name\\=A', '1\\+name\\=B'])
    expect(identify([{ id: 1, name: 'A' }])).toEqual(['1'])
  })
  test('201.0 is 201', () => {
    expect(keys([['{"id":201}'].map((text) => JSON.parse(text) as object), [{ id: 201 }]])).toEqual([['201'], ['201']])
    const { root } = parse('{"things":[{"id":201.0}]}', { MAX_LEAVES: 9, MAX_DEPTH: 9 })
    const { identities } = identifyItems(root as Structure, mapOf('things', null), {
      ...{ of: () => null, storedBefore: () => null, learns: true },
    })
    expect([...identities.values()]).toMatchObject([[{ key: '201' }]])
  })
  test('a list by position is not decided yet', () => {
    expect(keys([[{ x: 1 }], [{ x: 1, id: 7 }]])).toEqual([['#0'], ['7']])
  })
  test('ItemKey decides, and is widened as well', () => {
    const items = [{ id: 1, code: 'a' }, { id: 2, code: 'b' }, { id: 3 }, { id: 4, code: 'a' }]
    expect(keys([items], { itemKey: 'code' })).toEqual([['a\\+id\\=1', 'b', 'id\\=3', 'a\\+id\\=4']])
  })
})

describe('an outer item', () => {
  const { identitiesIn } = createSource()
  const keysIn = (items: unknown[]) => identitiesIn(items).map((those) => those.map(({ key }) => key))
  test('is named in front', () => {
    const outer = { id: 'o', inner: [{ id: 'a>b' }, { id: 'a\\' }, { id: 'a\\+id\\=1' }] }
    expect(keysIn([outer, { id: 'p', inner: [{ id: 'a' }] }])).toEqual([
      ['o', 'p'],
      ['o>a\\>b', 'o>a\\\\', 'o>a\\\\+id\\\\=1'],
      ['p>a'],
    ])
  })
  test('has its own shared keys', () => {
    const twins = [
      { id: 'a', name: 'A' },
      { id: 'a', name: 'B' },
    ]
    expect(
      keysIn([
        { id: 'o', inner: twins },
        { id: 'p', inner: [{ id: 'a', name: 'A' }] },
      ]),
    ).toEqual([['o', 'p'], ['o>a\\+name\\=A', 'o>a\\+name\\=B'], ['p>a']])
  })
})

describe('a list stored before list keys were kept', () => {
  const two = [
    { permalink: '/a', name: 'a' },
    { permalink: '/b', name: 'b' },
  ]
  test.each<[string, string[], unknown[], string[]]>([
    ['by its permalink', ['/a', '/x'], two, ['/a', '/b']],
    ['by name, since once an item had no permalink', ['a', 'b'], two, ['a', 'b']],
    ['by name, though the order and most items changed', ['x', 'y', 'b'], two.toReversed(), ['b', 'a']],
    ['by position', ['#0', '#1'], two, ['#0', '#1']],
    [
      'numbered',
      ['u', 'u#2'],
      [
        { url: 'u', x: 1 },
        { url: 'u', x: 2 },
      ],
      ['u', 'u#2'],
    ],
    ['by nothing of today', ['gone'], two, ['/a', '/b']],
    ['by nothing', [], two, ['/a', '/b']],
  ])('keeps its keys: %s', (_, stored, items, expected) => {
    const { identify } = createSource({ stored })
    expect(identify(items)).toEqual(expected)
    expect(identify(items)).toEqual(expected)
  })
  test('keeps them beside other companies', () => {
    const source = createSource({ stored: ['a', 'b'] })
    source.rows.push(
      ...learn(
        [{ kind: 'key', path: 'things[]', member: 'permalink', names: [] }],
        { company_id: '2', subject_key: '' },
        1,
      ),
    )
    expect(source.identify(two)).toEqual(['a', 'b'])
    expect(source.identify(two)).toEqual(['a', 'b'])
  })
})

test('long keys are replaced by their hash and stay different', () => {
  const [long] = keys([[{ id: 'x'.repeat(600) }, { id: `${'x'.repeat(600)}y` }]])
  expect(long!.map((key) => /^sha256:[0-9a-f]{64}$/.test(key))).toEqual([true, true])
  expect(new Set(long).size).toBe(2)
})

test('labels are what people call an item', () => {
  const [items] = createSource().identitiesIn([{ html_url: 'h/a', name: 'a' }, { html_url: 'h/b' }])
  expect(items!.map(({ label }) => label)).toEqual(['a', 'h/b'])
})

test('50,000 items with one key need no quadratic time', () => {
  const [same] = keys([Array.from({ length: 50_000 }, () => ({ id: 'same' }))])
  expect(new Set(same)).toEqual(new Set(['same']))
  const [different] = keys([Array.from({ length: 50_000 }, (_, index) => ({ url: 'same', name: `n${index}` }))])
  expect(new Set(different).size).toBe(50_000)
})

describe('whatever payloads come', () => {
  const text = fc.constantFrom('a', 'b', 'c', 'a#2', '#1', 'a>b', '\\', 'a\\+id\\=a', 'x'.repeat(600))
  const item = fc.dictionary(
    fc.constantFrom('permalink', 'url', 'id', 'name', 'title', 'text', 'x'),
    fc.oneof(text, fc.nat(3), fc.constant(null)),
    { maxKeys: 5 },
  )
  const payloads = fc.array(
    fc.array(fc.oneof({ weight: 9, arbitrary: item }, fc.jsonValue({ maxDepth: 1 })), { maxLength: 8 }),
    {
      ...{ minLength: 1, maxLength: 5 },
    },
  )
  const options = fc.record({ itemKey: fc.constantFrom(null, 'id', 'x') })

  test('each item has a key, and the next delivery teaches nothing', () => {
    fc.assert(
      fc.property(payloads, options, (given, chosen) => {
        const { identify, rows } = createSource(chosen)
        for (const items of given) {
          const found = identify(items)
          // A list without objects has no items.
          if (found.length > 0) expect(found).toHaveLength(items.length)
          expect(found.every((key) => isStorable(key) && key.length <= 512)).toBe(true)
          const learnt = rows.length
          expect(identify(items)).toEqual(found)
          expect(rows).toHaveLength(learnt)
        }
      }),
      { numRuns: 1000 },
    )
  })

  test('the order of items means nothing', () => {
    fc.assert(
      fc.property(payloads, fc.infiniteStream(fc.nat()), (given, random) => {
        const objects = given.map((items) =>
          items.filter((one) => typeof one === 'object' && one !== null && 'id' in one),
        )
        const [straight, shuffled] = [createSource(), createSource()]
        for (const items of objects) {
          const order = items.map((_, index) => index).sort(() => (random.next().value! % 3) - 1)
          const found = straight.identify(items)
          const other = shuffled.identify(order.map((index) => items[index]))
          for (const [at, index] of order.entries())
            if (!/^#\d+/.test(found[index]!)) expect(other[at]).toBe(found[index])
        }
      }),
      { numRuns: 1000 },
    )
  })

  test('other items, without the key or with a shared one, move none that has its key alone', () => {
    const others = fc.array(fc.record({ name: text, x: fc.nat(3) }, { requiredKeys: [] }), { maxLength: 5 })
    fc.assert(
      fc.property(fc.array(others, { maxLength: 5 }), fc.subarray([0, 1, 2, 3]), (given, shared) => {
        const mine = Array.from({ length: 4 }, (_, at) => ({ permalink: `/${at}`, name: `n${at}` }))
        const { identify } = createSource()
        identify(mine)
        for (const items of given) {
          const twins = shared.map((at) => ({ permalink: `/${at}`, name: `twin of ${at}` }))
          const found = identify([...items, ...mine, ...twins]).slice(items.length, items.length + 4)
          for (const [at, key] of found.entries()) if (!shared.includes(at)) expect(key).toBe(`/${at}`)
          expect(new Set(found).size).toBe(4)
        }
      }),
      { numRuns: 500 },
    )
  })

  test('the same bytes and revision give the same keys, whatever was learnt since', () => {
    fc.assert(
      fc.property(payloads, options, (given, chosen) => {
        const source = createSource(chosen)
        const found = given.map((items) => ({
          items,
          keys: source.identify(items),
          revision: source.rows.at(-1)?.revision ?? 0,
        }))
        for (const { items, keys: first, revision } of found)
          expect(source.identify(items, '1', revision)).toEqual(first)
      }),
      { numRuns: 500 },
    )
  })
})

test.each(['\ud800', 'a\0b', 'x\udc00s'])('nothing is learnt by a name that cannot be stored: %j', (name) => {
  for (const field of ['things', name])
    for (const itemKey of [null, name]) {
      const { rows, identify } = createSource({ field, itemKey, stored: ['a'] })
      const items = [
        { [name]: 'a', [`${name}_id`]: 1, list: [] },
        { [name]: 'b', [`${name}_id`]: 1, list: [] },
        { id: 7, [name]: 'c' },
        { id: 7, [name]: 'd' },
      ]
      expect(identify(items).every(isStorable)).toBe(true)
      expect(identify(items.slice(0, 2)).every(isStorable)).toBe(true)
      const kept = rows.flatMap(({ path, members, items: widened }) => [path, ...members, ...(widened ?? [])])
      expect(kept.filter((text) => !isStorable(text))).toEqual([])
    }
})
