import { expect, test } from 'vitest'
import type { ObservedValue } from '#schemas/generated/types.ts'
import { judgeItems, type SubjectState } from './judge-items.ts'
import type { ItemPolicy } from './keep-items.ts'
import type { Payload } from '../values/payload.ts'

const policy = { goneAfter: 2, maxItemNews: 3, maxGoneItems: 5 }

function valueOf(item: string, path: string): ObservedValue {
  const [item_key = '', label = item_key.toUpperCase()] = item.split(' = ')
  return {
    ...{ seq: 0, source_measurement_id: 1, company_measurement_id: 11, measurement_name: 'stars', type: 'int', path },
    ...{ item_key, item_label: label, number: 1, text: null, date: null, members: null },
  }
}

/**
 * Items are given by key or, if another label than the key in capitals matters, as `key = label`; null if there is no
 * list. `empty`: the items that hold an empty list.
 */
type Given = { items: string[] | null; inner?: string[]; empty?: string[]; map?: number }

/** What each payload of a subject tells: `+` appeared, `-` is gone. */
function run(...payloads: Given[]): string[][] {
  return runBy(policy, payloads)
}

function runBy(by: ItemPolicy, payloads: readonly Given[]): string[][] {
  let state: SubjectState | null = null
  return payloads.map(({ items, inner = [], empty = [], map = 1 }, index) => {
    const values = [
      ...(items ?? []).map((key) => valueOf(key, 'repos[].stars')),
      ...inner.map((key) => valueOf(key, 'repos[].files[].size')),
    ]
    const empty_lists = [
      ...(items?.length === 0 ? [{ path: 'repos[]', outer_key: null }] : []),
      ...empty.map((outer_key) => ({ path: 'repos[].files[]', outer_key })),
    ]
    const payload = {
      event_no: index + 1,
      observed_at: index * 1000,
      map_version: map,
      values,
      empty_lists,
    } as unknown as Payload
    const judged = judgeItems(state, payload, by)
    state = judged.state
    return judged.found.map((one) => (one.kind === 'appeared' ? '+' : '-') + one.items.map(({ label }) => label).join())
  })
}

test.each<[string, Given[], string[][]]>([
  ['the first payload is where it begins', [{ items: ['a', 'b'] }], [[]]],
  ['an item appears', [{ items: ['a'] }, { items: ['a', 'b'] }, { items: ['a', 'b'] }], [[], ['+B'], []]],
  ['the order does not matter', [{ items: ['a', 'b', 'c'] }, { items: ['c', 'a', 'b'] }], [[], []]],
  [
    'an item is gone after two payloads without it, once',
    [{ items: ['a', 'b'] }, { items: ['a'] }, { items: ['a'] }, { items: ['a'] }],
    [[], [], ['-B'], []],
  ],
  [
    'an item whose name is only written otherwise is the same',
    [
      { items: ['Société Générale', 'R&amp;D'] },
      { items: ['r&d', 'Socie\u0301te\u0301  ge\u0301ne\u0301rale'] },
      { items: ['R&D', 'Société générale', 'AA+'] },
      { items: ['R&D', 'AA-'] },
      { items: ['R&D', 'AA-'] },
    ],
    [[], [], ['+AA+'], ['+AA-'], ['-AA+', '-SOCIÉTÉ GÉNÉRALE']],
  ],
  ['one payload without it is nothing', [{ items: ['a', 'b'] }, { items: ['a'] }, { items: ['a', 'b'] }], [[], [], []]],
  [
    'an item that comes back is not news, nor is its being gone again',
    [...['ab', 'a', 'a', 'ab', 'a', 'a', 'ab']].map((items) => ({ items: [...items] })),
    [[], [], ['-B'], [], [], [], []],
  ],
  [
    'a list that is null or missing shows nothing',
    [{ items: ['a'] }, { items: null }, { items: null }, { items: ['a'] }],
    [[], [], [], []],
  ],
  [
    'the items of a list that is empty twice are gone',
    [{ items: ['a', 'b'] }, { items: [] }, { items: null }, { items: [] }, { items: [] }],
    [[], [], [], ['-A', '-B'], []],
  ],
  [
    'the first items of a list that was null are not news',
    [{ items: null }, { items: ['a'] }, { items: ['a', 'b'] }],
    [[], [], ['+B']],
  ],
  [
    'the first items of a list that was empty are news',
    [{ items: [] }, { items: null }, { items: ['a'] }],
    [[], [], ['+A']],
  ],
  [
    'a list in an item may be empty, null or missing, too',
    [
      { items: ['a', 'b', 'c'], inner: ['a>x'], empty: ['b'] },
      { items: ['a', 'b', 'c'], inner: ['b>y', 'c>z'] },
      { items: ['a', 'b', 'c'], inner: ['c>z', 'c>zz'], empty: ['a'] },
      { items: ['a', 'b', 'c'], inner: ['c>z', 'c>zz'], empty: ['a'] },
    ],
    [[], ['+B>Y'], ['+C>ZZ'], ['-A>X']],
  ],
  ['another map is where it begins again', [{ items: ['a'] }, { items: ['b', 'c'], map: 2 }], [[], []]],
  [
    'an item whose address gets a slash, or whose number a fraction, is the same',
    [{ items: ['https://x/a', '201'] }, { items: ['https://x/a/', '201.0'] }, { items: ['https://x/a', '201'] }],
    [[], [], []],
  ],
  [
    'of items that turn out to share a key the one with its label is the same',
    [
      { items: ['1 = A', '2 = B'] },
      { items: ['1 = A', '2\\+name\\=B = B', '2\\+name\\=C = C'] },
      { items: ['1 = A'] },
      { items: null },
    ],
    [[], ['+C'], [], []],
  ],
  [
    'of those without its label none is news',
    [{ items: ['2 = B'] }, { items: ['2\\+id\\=1 = X', '2\\+id\\=2 = Y'] }],
    [[], []],
  ],
  [
    'an item that lacks the key of its list for a while is the same, with the items in it',
    [
      { items: ['/a = A', '/b = B'], inner: ['/a>x', '/b>y'] },
      { items: ['name\\=A = A', '/b = B'], inner: ['name\\=A>x', '/b>y', '/b>z'] },
      { items: ['/a = A', '/b = B'], inner: ['/a>x', '/b>y', '/b>z'] },
      { items: ['/a = A', '/b = B', '/c = A'], inner: ['/a>x', '/b>y', '/b>z'] },
    ],
    [[], ['+/B>Z'], [], ['+A']],
  ],
  [
    'an item without the key of its list is news like any other',
    [{ items: ['/a = A'] }, { items: ['/a = A', 'name\\=B = B'] }],
    [[], ['+B']],
  ],
  [
    'many at once are one news item',
    [{ items: ['a', 'b', 'c', 'd'] }, { items: ['e', 'f', 'g', 'h'] }, { items: ['e', 'f', 'g', 'h'] }],
    [[], ['+E,F,G,H'], ['-A,B,C,D']],
  ],
  [
    'items inside an item come and go with it',
    [
      { items: ['a'], inner: ['a>x'] },
      { items: ['a', 'b'], inner: ['a>x', 'b>x', 'b>y'] },
      { items: ['a', 'b'], inner: ['a>x', 'a>z', 'b>x', 'b>y'] },
      { items: ['a'], inner: ['a>x', 'a>z'] },
      { items: ['a'], inner: ['a>x', 'a>z'] },
    ],
    [[], ['+B'], ['+A>Z'], [], ['-B']],
  ],
  [
    'items known only by position are not news, in a list that grows or shrinks',
    [{ items: ['#0'] }, { items: ['#0', '#1'] }, { items: ['#0'] }, { items: ['#0'] }],
    [[], [], [], []],
  ],
  [
    'a name like `constructor` is a key like any other',
    [{ items: ['a'] }, { items: ['a', 'constructor', '__proto__'] }, { items: ['a', 'constructor', '__proto__'] }],
    [[], ['+CONSTRUCTOR', '+__PROTO__'], []],
  ],
])('%s', (_what, payloads, told) => {
  expect(run(...payloads)).toEqual(told)
})

test('of gone items the last ones are remembered', () => {
  const items = Array.from({ length: 8 }, (_, n) => `i${n}`)
  const told = run({ items: ['a', ...items] }, { items: ['a'] }, { items: ['a'] }, { items: ['a', ...items] })
  expect(told.map((one) => one.join())).toEqual(['', '', '-I0,I1,I2,I3,I4,I5,I6,I7', '+I5,+I6,+I7'])
})

test('an item was last seen with its list, not in a payload without the list', () => {
  const lists = [['a', 'b'], [], ['a'], ['a']]
  let state: SubjectState | null = null
  const found = lists.flatMap((keys, index) => {
    const values = keys.map((key) => valueOf(key, 'repos[].stars'))
    const payload = {
      event_no: index + 1,
      observed_at: index * 1000,
      map_version: 1,
      values,
      empty_lists: [],
    } as unknown as Payload
    const judged = judgeItems(state, payload, policy)
    state = judged.state
    return judged.found
  })
  expect(found).toMatchObject([{ kind: 'gone', items: [{ key: 'b' }], since: 0 }])
})

test('names that look like lists are no lists, and lists may have any name', () => {
  const at = (event_no: number, ...values: ObservedValue[]) =>
    ({ event_no, observed_at: event_no * 1000, map_version: 1, values, empty_lists: [] }) as unknown as Payload
  const items = (path: string, ...keys: string[]) => keys.map((key) => valueOf(key, path))
  const first = at(
    1,
    ...items('["a.b[]"][].x', 'a'),
    ...items('repos[]["y[]"]', 'r', 'q'),
    ...items('repos[].z', 'r', 'q'),
  )
  const second = at(
    2,
    ...items('["a.b[]"][].x', 'a', 'b'),
    ...items('repos[]["y[]"]', 'r'),
    ...items('repos[].z', 'r', 'q', 's'),
  )
  const { state } = judgeItems(null, first, policy)
  const judged = judgeItems(state, second, policy)
  const { found } = judgeItems(judged.state, { ...second, event_no: 3 }, policy)
  expect(
    [...judged.found, ...found].map(({ kind, list, items: those }) => [kind, list, those.map(({ key }) => key)]),
  ).toEqual([
    ['appeared', 'repos[]', ['s']],
    ['appeared', '["a.b[]"][]', ['b']],
  ])
})

const tellOf = (...lists: string[]) =>
  runBy(
    { ...policy, knowsSamples: true },
    lists.map((items) => ({ items: [...items] })),
  )

test('in a list that loses items an item is news when it is seen twice', () => {
  const stable = Array.from({ length: 10 }, () => 'abcd')
  expect(tellOf(...stable, 'abcde').at(-1)).toEqual(['+E'])
  expect(tellOf(...stable, 'abc', 'abcd', 'abcde', 'abcde', 'abcde').slice(-3)).toEqual([[], ['+E'], []])
  expect(tellOf(...stable, 'abc', 'abcde', 'abcd', 'abcde', 'abcde').slice(-4)).toEqual([[], [], ['+E'], []])
  expect(
    tellOf(...stable, 'abc', 'abcde', 'abcd', 'abcd', 'abcde', 'abcde')
      .slice(-5)
      .flat(),
  ).toEqual([])
})

test('an item that is often missing is gone after a longer time, or never', () => {
  const stable = Array.from({ length: 10 }, () => 'abcd')
  expect(tellOf(...stable, 'abc', 'abc').at(-1)).toEqual(['-D'])
  const often = [...stable, 'abc', 'abcd', 'abc', 'abcd']
  expect(tellOf(...often, 'abc', 'abc', 'abc', 'abc').slice(-4)).toEqual([[], [], ['-D'], []])
  const mostly = [...often, 'abc', 'abcd', 'abc', 'abcd', 'abc', 'abcd', 'abc', 'abcd']
  expect(
    tellOf(...mostly, 'abc', 'abc', 'abc', 'abc', 'abc')
      .slice(-5)
      .flat(),
  ).toEqual([])
})
