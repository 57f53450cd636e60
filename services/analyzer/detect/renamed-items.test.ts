import { expect, test } from 'vitest'
import type { ObservedValue } from '#schemas/generated/types.ts'
import { findHeirs } from './renamed-items.ts'

type Numbers = Record<number, number>
const valuesOf = (numbers: Numbers) =>
  Object.entries(numbers).map(([id, number]) => ({ company_measurement_id: Number(id), number, type: 'int' }))

/** Items by key with their numbers, before and now. */
function find(before: Record<string, Numbers>, now: Record<string, Numbers>, missing: string[] = []) {
  const known = Object.fromEntries(
    Object.keys(before).map((key) => [key, { label: key, ...(missing.includes(key) && { missing: {} }) }]),
  )
  const items = new Map(
    Object.entries(now).map(([key, numbers]) => [key, { label: key, values: valuesOf(numbers) as ObservedValue[] }]),
  )
  const last = (of: { company_measurement_id: number }, key: string) => before[key]?.[of.company_measurement_id] ?? null
  return [...findHeirs(known, items, new Map(), last)]
}

const turbo = { 1: 25_755, 2: 1772, 3: 140 }
const other = { 1: 900, 2: 80, 3: 4 }

test.each<[string, Parameters<typeof find>, [string, string][]]>([
  [
    'a new name',
    [
      { a: turbo, b: other },
      { c: { 1: 25_791, 2: 1777, 3: 144 }, b: other },
    ],
    [['c', 'a']],
  ],
  ['they are only close', [{ a: turbo }, { c: { 1: 25_755, 2: 1830, 3: 140 } }], []],
  ['one number is another one', [{ a: turbo }, { c: { ...turbo, 3: 900 } }], []],
  ['only one telling number', [{ a: { 1: 25_755, 3: 1 } }, { c: { 1: 25_755, 3: 1 } }], []],
  ['two equal numbers are one', [{ a: { 1: 700, 2: 700 } }, { c: { 1: 700, 2: 700 } }], []],
  ['small numbers', [{ a: { 1: 3, 2: 5 } }, { c: { 1: 3, 2: 5 } }], []],
  ['the old one is still there', [{ a: turbo }, { a: turbo, c: turbo }], []],
  ['the old one left before', [{ a: turbo }, { c: turbo }, ['a']], []],
  ['two could be the new one', [{ a: turbo }, { c: turbo, d: turbo }], []],
  ['two could be the old one', [{ a: turbo, b: turbo }, { c: turbo }], []],
  [
    'two at once',
    [
      { a: turbo, b: { 1: 900, 2: 80 } },
      { c: turbo, d: { 1: 905, 2: 81 } },
    ],
    [
      ['c', 'a'],
      ['d', 'b'],
    ],
  ],
  ['in another item', [{ 'x>a': turbo }, { 'y>c': turbo }], []],
])('%s: which items go on under a new name', (_, given, expected) => expect(find(...given)).toEqual(expected))

test('where a whole list is another one, nothing is renamed', () => {
  const many = (name: string) =>
    Object.fromEntries(Array.from({ length: 60 }, (_, n) => [name + n, { 1: 1e6 * n, 2: 900 + 99 * n }]))
  expect(find(many('a'), many('b'))).toEqual([])
})
