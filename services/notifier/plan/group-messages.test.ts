import { expect, test } from 'vitest'
import { sortIntoLetters, type Waiting } from './group-messages.ts'

const operations = 0
const ann = { id: 1, name: 'Ann', through: ['acme'] }
const waitingOf = (item_id: string, destination_id: number, changes: Partial<Waiting> = {}): Waiting => ({
  ...{ item_id, destination_id, company_id: 1, is_held: false, people: [ann] },
  ...changes,
})
const sort = (...waiting: Waiting[]) =>
  sortIntoLetters(waiting, operations).map(({ itemIds, to }) => [
    itemIds.join(),
    ...to.map(({ destinationId }) => destinationId),
  ])

test('each company is a message of its own', () => {
  expect(sort(waitingOf('b', 1), waitingOf('a', 1), waitingOf('c', 1, { company_id: 2 }))).toEqual([
    ['a,b', 1],
    ['c', 1],
  ])
})

test('destinations that are told the same share a message, others do not', () => {
  expect(sort(waitingOf('a', 1), waitingOf('a', 2), waitingOf('a', 3), waitingOf('b', 3))).toEqual([
    ['a', 1, 2],
    ['a,b', 3],
  ])
})

test('all that was held at a destination is one message, over all companies but operations', () => {
  const held = { is_held: true }
  expect(
    sort(
      waitingOf('a', 1, held),
      waitingOf('b', 1, { ...held, company_id: 2 }),
      waitingOf('c', 1, { ...held, company_id: operations }),
      waitingOf('d', 1, { company_id: 3 }),
      waitingOf('a', 2, held),
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
  const [letter] = sortIntoLetters([waitingOf('a', 1), waitingOf('b', 1, { people })], operations)
  expect(letter?.to[0]?.people).toEqual([{ ...ann, through: ['acme', 'npm'] }, bob])
})
