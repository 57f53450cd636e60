import { expect, test } from 'vitest'
import { mapConcurrently } from './map-concurrently.ts'

test('keeps the order of results and the limit', async () => {
  let now = 0
  let most = 0
  const results = await mapConcurrently([5, 1, 3, 2, 4], 2, async (n) => {
    most = Math.max(most, ++now)
    for (let turn = 0; turn < n; turn++) await Promise.resolve()
    now--
    return n * 10
  })
  expect(results).toEqual([50, 10, 30, 20, 40])
  expect(most).toBe(2)
})

test('begins nothing after an error', async () => {
  const begun: number[] = []
  const work = mapConcurrently([1, 2, 3, 4], 1, async (n) => {
    begun.push(n)
    if (n === 2) throw new Error('two')
    return Promise.resolve(n)
  })
  await expect(work).rejects.toThrow('two')
  expect(begun).toEqual([1, 2])
})
