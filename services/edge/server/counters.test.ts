import { afterEach, expect, test, vi } from 'vitest'
import { createCounters } from './counters.ts'

afterEach(() => void vi.useRealTimers())

test('hits count until the window of their key ends, whatever the clock says', async () => {
  vi.useFakeTimers({ now: 1000 })
  const counters = createCounters(60, 10)
  const hit = async (key: string) => (await counters.increment(key)).totalHits
  expect([await hit('a'), await hit('a'), await hit('b')]).toEqual([1, 2, 1])
  vi.advanceTimersByTime(59)
  expect(await hit('a')).toBe(3)
  expect(await counters.get?.('a')).toEqual({ totalHits: 3, resetTime: new Date(1060) })
  vi.setSystemTime(1059 - 300_000)
  expect(await counters.get?.('a')).toEqual({ totalHits: 3, resetTime: new Date(1060 - 300_000) })
  vi.advanceTimersByTime(1)
  expect(await counters.get?.('a')).toBeUndefined()
  expect([await hit('a'), await hit('a')]).toEqual([1, 2])
})

test('above the maximum of keys, those whose window began first are dropped', async () => {
  let now = 1000
  const counters = createCounters(60, 3, () => now++)
  for (const key of ['a', 'b', 'c', 'a', 'd']) await counters.increment(key)
  const known = await Promise.all(['a', 'b', 'c', 'd'].map(async (key) => (await counters.get?.(key))?.totalHits))
  expect(known).toEqual([undefined, 1, 1, 1])
  now += 60
  for (const key of ['b', 'e']) await counters.increment(key)
  expect(await counters.get?.('b')).toMatchObject({ totalHits: 1 })
})
