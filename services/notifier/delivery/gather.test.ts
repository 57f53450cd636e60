import { expect, test } from 'vitest'
import { gather } from './gather.ts'

test('what comes while work is under way is done together after it', async () => {
  const batches: (readonly number[])[] = []
  const double = gather(async (many: readonly number[]) => {
    batches.push(many)
    await new Promise(setImmediate)
    return many.map((one) => 2 * one)
  })
  const outs = await Promise.all([1, 2, 3].map(double))
  expect(outs).toEqual([2, 4, 6])
  expect(await double(4)).toBe(8)
  expect(batches).toEqual([[1], [2, 3], [4]])
})

test('what fails, fails for those it was for alone', async () => {
  const work = gather(async (many: readonly number[]) => {
    await new Promise(setImmediate)
    if (many.includes(2)) throw new Error('two')
    return many
  })
  const outs = await Promise.allSettled([1, 2, 3].map(work))
  expect(outs.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected'])
  expect(await work(3)).toBe(3)
})
