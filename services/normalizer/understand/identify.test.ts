import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isStorable } from '../read/json-text.ts'
import { type List, parse, type Structure } from '../read/parse.ts'
import { identify, subjectOf } from './identify.ts'

fc.configureGlobal({ seed: 20261126 })

const limits = { MAX_LEAVES: 200_000, MAX_DEPTH: 10 }
const read = (value: unknown) => parse(JSON.stringify(value), limits).root
const keys = (
  items: unknown[],
  { field = 'things', itemKey = null as string | null, outer = null as string | null } = {},
) =>
  identify((read(items) as List).items, field, itemKey, outer === null ? null : { key: outer, label: null }).map(
    ({ key }) => key,
  )

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
    'doubles numbered, where none is unique',
    [
      { url: 'u', x: 1 },
      { url: 'v', x: 1 },
      { url: 'u', x: 2 },
    ],
    ['u', 'v', 'u#2'],
  ],
  ['an ordinal no key has', [{ url: 'u' }, { url: 'u#2' }, { url: 'u' }, { url: 'u' }], ['u', 'u#2', 'u#3', 'u#4']],
  ['numbers by their digits', [{ id: 1 }, { id: 2.5 }], ['1', '2.5']],
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
    'the position, where keys are empty, null, no text or cannot be stored',
    [{ id: '' }, { id: null }, { id: ['a'] }, { id: '\0' }],
    ['#0', '#1', '#2', '#3'],
  ],
  ['the position for what is no object', [5, { id: 'a' }, 'x', { id: 'b' }], ['#0', 'a', '#2', 'b']],
  ['of doubled members the last', [{ __proto__: null, id: 'x' }], ['x']],
])('%s', (_, items, expected) => {
  expect(keys(items)).toEqual(expected)
})

test('the list’s own code is a natural key', () => {
  expect(
    keys(
      [
        { naics_code: '1', sector: 's' },
        { naics_code: '2', sector: 's' },
      ],
      { field: 'naics' },
    ),
  ).toEqual(['1', '2'])
  expect(
    keys(
      [
        { round_id: 1, amount: 3 },
        { round_id: 2, amount: 3 },
      ],
      { field: 'rounds' },
    ),
  ).toEqual(['1', '2'])
})

test('ItemKey decides if an item has it', () => {
  const items = [{ id: 1, code: 'a' }, { id: 2, code: 'b' }, { id: 3 }, { id: 4, code: 'a' }]
  expect(keys(items, { itemKey: 'code' })).toEqual(['a', 'b', '#2', 'a#2'])
})

test('the key of the outer item comes in front, and the two cannot be confused', () => {
  expect(keys([{ id: 'a>b' }, { id: 'a\\' }], { outer: 'o' })).toEqual(['o>a\\>b', 'o>a\\\\'])
})

test('long keys are replaced by their hash and stay different', () => {
  const long = keys([{ id: 'x'.repeat(600) }, { id: `${'x'.repeat(600)}y` }])
  expect(long.map((key) => /^sha256:[0-9a-f]{64}$/.test(key))).toEqual([true, true])
  expect(new Set(long).size).toBe(2)
})

test('items keep their key when the list is reordered or grows', () => {
  const repos = [
    { name: 'a', html_url: 'h/a' },
    { name: 'b', html_url: 'h/b' },
  ]
  expect(new Set(keys(repos.toReversed()))).toEqual(new Set(keys(repos)))
  expect(keys([...repos, { name: 'c', html_url: 'h/c' }]).slice(0, 2)).toEqual(keys(repos))
})

test('no two items of any list have one key', () => {
  const text = fc.oneof(
    fc.constantFrom('a', 'a#2', '#1', 'a>b', '\\', ''),
    fc.string({ unit: 'binary', maxLength: 600 }),
  )
  const item = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.dictionary(fc.constantFrom('url', 'id', 'name', 'x'), fc.oneof(text, fc.nat(3)), { maxKeys: 3 }),
    },
    { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 1 }) },
  )
  const options = fc.record({
    itemKey: fc.constantFrom(null, 'id', 'x'),
    outer: fc.constantFrom(null, 'o', 'o'.repeat(510)),
  })
  fc.assert(
    fc.property(fc.array(item, { maxLength: 12 }), options, (items, chosen) => {
      const found = keys(items, chosen)
      expect(new Set(found).size).toBe(items.length)
      expect(found.every((key) => isStorable(key) && key.length <= 512)).toBe(true)
    }),
    { numRuns: 1000 },
  )
})

test('50,000 items with one key need no quadratic time', () => {
  const all = keys(Array.from({ length: 50_000 }, () => ({ id: 'same' })))
  expect(new Set(all).size).toBe(50_000)
})

test('labels are what people call an item', () => {
  const items = read([{ html_url: 'h/a', name: 'a' }, { html_url: 'h/b' }]) as List
  expect(identify(items.items, 'repos', null, null).map(({ label }) => label)).toEqual(['a', 'h/b'])
})

test.each([
  [{ url: 'u', id: 1 }, 'u'],
  [{ url: null, html_url: '', permalink: 'p' }, 'p'],
  [{ id: 12 }, '12'],
  [{ name: 'n' }, ''],
])('the subject of %j is %j', (root, subject) => {
  expect(subjectOf(read(root) as Structure)).toBe(subject)
})
