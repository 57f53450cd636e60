import { expect, test } from 'vitest'
import { batchCalls } from './batch-calls.ts'

type Item = { name: string; bytes: number }

/** Works through items called `bad` in no group, through those called `down` never. */
function start(count: number, bytes: number) {
  const groups: string[] = []
  const work = async (group: readonly Item[]) => {
    const names = group.map(({ name }) => name).join('')
    groups.push(names)
    for (const fault of ['x', '!']) if (names.includes(fault)) throw new Error(fault)
    return group
  }
  const call = batchCalls({
    work,
    maxItems: count,
    maxSize: bytes,
    sizeOf: (item: Item) => item.bytes,
    isOfOne: (error) => (error as Error).message === 'x',
  })
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

/** Doubles numbers, but those of a batch with a 2 fail. */
function startDoubling() {
  const batches: (readonly number[])[] = []
  const double = batchCalls({
    atOnce: 1,
    async work(numbers: readonly number[]) {
      batches.push(numbers)
      await new Promise(setImmediate)
      if (numbers.includes(2)) throw new Error('two')
      return numbers.map((one) => 2 * one)
    },
  })
  return { batches, double }
}

test('each call gets its own result; one batch at a time, and what comes meanwhile goes together after it', async () => {
  const { batches, double } = startDoubling()
  const first = double(1)
  await new Promise(setImmediate)
  expect(await Promise.all([first, ...[3, 4, 5].map(double)])).toEqual([2, 6, 8, 10])
  expect(await double(6)).toBe(12)
  expect(batches).toEqual([[1], [3, 4, 5], [6]])
})

test('what fails, fails for the calls of its batch alone', async () => {
  const { double } = startDoubling()
  const outs = await Promise.allSettled([1, 2].map(double))
  expect(outs.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  expect(await double(3)).toBe(6)
})
