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

test('people are named once, with all they follow', () => {
  const bob = { id: 2, name: 'Bob', through: ['npm'] }
  const people = [bob, { ...ann, through: ['acme', 'npm'] }]
  const [message] = groupIntoMessages([dueItemOf('a', 1), dueItemOf('b', 1, { people })], operations)
  expect(message?.to[0]?.recipients).toEqual([{ ...ann, through: ['acme', 'npm'] }, bob])
})
