import { expect, test } from 'vitest'
import { groupCalls } from './group-calls.ts'

type Item = { name: string; bytes: number }

/** Works through items called `bad` in no group, through those called `down` never. */
function start(count: number, bytes: number) {
  const groups: string[] = []
  const work = async (group: readonly Item[]) => {
    const names = group.map(({ name }) => name).join('')
    groups.push(names)
    for (const fault of ['x', '!']) if (names.includes(fault)) throw new Error(fault)
  }
  const call = groupCalls<Item>({ count, bytes }, work, (error) => (error as Error).message === 'x')
  const all = (names: string, size = 1) =>
    Promise.allSettled([...names].map((name) => call({ name, bytes: size }))).then((results) =>
      results.map(({ status }) => (status === 'fulfilled' ? '+' : '-')).join(''),
    )
  return { groups, all }
}

test('what is asked for at once goes together, within both limits', async () => {
  const { groups, all } = start(3, 100)
  expect(await all('abcd')).toBe('++++')
  expect(groups).toEqual(['abc', 'd'])
  expect(await all('efg', 50)).toBe('+++')
  expect(groups.slice(2)).toEqual(['ef', 'g'])
  expect(await all('hi', 101)).toBe('++')
  expect(groups.slice(4)).toEqual(['h', 'i'])
})

test("one item's fault costs the others nothing", async () => {
  const { groups, all } = start(10, 100)
  expect(await all('axb')).toBe('+-+')
  expect(groups).toEqual(['axb', 'a', 'x', 'b'])
})

test('any other failure is shared, and a group of its own', async () => {
  const { groups, all } = start(2, 100)
  expect(await all('ab!cde')).toBe('++--++')
  expect(groups).toEqual(['ab', '!c', 'de'])
})
