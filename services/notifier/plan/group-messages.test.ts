import { expect, test } from 'vitest'
import { type DueItem, groupIntoMessages } from './group-messages.ts'

const operations = 0
const ann = { id: 1, name: 'Ann', through: ['acme'] }
const dueItemOf = (item_id: string, destination_id: number, changes: Partial<DueItem> = {}): DueItem => ({
  ...{ item_id, destination_id, company_id: 1, is_held: false, people: [ann] },
  ...changes,
})
const sort = (...due: DueItem[]) =>
  groupIntoMessages(due, operations).map(({ itemIds, to }) => [
    itemIds.join(),
    ...to.map(({ destinationId }) => destinationId),
  ])

test('each company is a message of its own', () => {
  expect(sort(dueItemOf('b', 1), dueItemOf('a', 1), dueItemOf('c', 1, { company_id: 2 }))).toEqual([
    ['a,b', 1],
    ['c', 1],
  ])
})

test('destinations that get the same items share a message, others do not', () => {
  expect(sort(dueItemOf('a', 1), dueItemOf('a', 2), dueItemOf('a', 3), dueItemOf('b', 3))).toEqual([
    ['a', 1, 2],
    ['a,b', 3],
  ])
})

test('all that was held at a destination is one message, over all companies but operations', () => {
  const held = { is_held: true }
  expect(
    sort(
      dueItemOf('a', 1, held),
      dueItemOf('b', 1, { ...held, company_id: 2 }),
      dueItemOf('c', 1, { ...held, company_id: operations }),
      dueItemOf('d', 1, { company_id: 3 }),
      dueItemOf('a', 2, held),
    ),
  ).toEqual([
    ['a,b', 1],
    ['c', 1],
    ['d', 1],
    ['a', 2],
  ])
})

test('what edits a message stands alone; what follows the same message elsewhere stays together', () => {
  const ends = (item: string, destination: number, follows: number | null, isEdit: boolean) =>
    dueItemOf(item, destination, { company_id: operations, follows, isEdit })
  const messages = groupIntoMessages(
    [
      ...[ends('a', 1, 5, true), ends('b', 1, 5, true), ends('c', 1, 6, true), ends('d', 1, null, false)],
      ...[ends('a', 2, 7, false), ends('b', 2, 7, false), ends('c', 2, 8, false)],
      ...[ends('a', 3, 9, false), ends('b', 3, 9, false)],
    ],
    operations,
  )
  expect(
    messages.map(({ itemIds, to }) => [itemIds.join(), ...to.map((one) => [one.destinationId, one.follows])]),
  ).toEqual([
    ['a,b', [1, 5], [3, 9]],
    ['c', [1, 6]],
    ['d', [1, null]],
    ['a,b,c', [2, null]],
  ])
})

test('people are named once, with all they follow', () => {
  const bob = { id: 2, name: 'Bob', through: ['npm'] }
  const people = [bob, { ...ann, through: ['acme', 'npm'] }]
  const [message] = groupIntoMessages([dueItemOf('a', 1), dueItemOf('b', 1, { people })], operations)
  expect(message?.to[0]?.recipients).toEqual([{ ...ann, through: ['acme', 'npm'] }, bob])
})
