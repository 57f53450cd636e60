import { beforeEach, expect, test, vi } from 'vitest'
import { TransientError } from '#runtime/calls/retry.ts'
import { createDatabaseCache } from './cache.ts'

beforeEach(() => {
  vi.useFakeTimers()
  return () => vi.useRealTimers()
})

const options = { keepMs: 1000, timeoutMs: 100 }
const away = () => Promise.reject(new TransientError('away'))

test('serves the old value while nothing can be read, without a read each time', async () => {
  const cache = createDatabaseCache<string>(options)
  await cache.get('k', () => Promise.resolve('one'))
  vi.advanceTimersByTime(5000)
  const load = vi.fn(away)
  expect(await cache.get('k', load)).toBe('one')
  expect(await cache.get('k', load)).toBe('one')
  expect(load).toHaveBeenCalledTimes(1)
  vi.advanceTimersByTime(1000)
  expect(await cache.get('k', () => Promise.resolve('two'))).toBe('two')
})

test('does not with servesStale false: an old value is then a 503', async () => {
  const cache = createDatabaseCache<string>({ ...options, servesStale: false })
  await cache.get('k', () => Promise.resolve('one'))
  expect(await cache.get('k', away)).toBe('one')
  vi.advanceTimersByTime(1000)
  await expect(cache.get('k', away)).rejects.toMatchObject({ status: 503 })
})

test('a read that never ends counts as failed after its deadline', async () => {
  const cache = createDatabaseCache<string>(options)
  await cache.get('k', () => Promise.resolve('one'))
  vi.advanceTimersByTime(1000)
  const recalled = cache.get('k', () => new Promise(() => undefined))
  await vi.advanceTimersByTimeAsync(100)
  expect(await recalled).toBe('one')
})

test('is a 503 without an old value, and the error itself if it is not an outage', async () => {
  const cache = createDatabaseCache<string>(options)
  await expect(cache.get('k', away)).rejects.toMatchObject({ status: 503, headers: { 'retry-after': '5' } })
  await cache.get('k', () => Promise.resolve('one'))
  await expect(cache.refresh('k', away)).rejects.toMatchObject({ status: 503 })
  vi.advanceTimersByTime(1000)
  const broken = () => Promise.reject(new Error('broken'))
  await expect(cache.get('k', broken)).rejects.toThrow('broken')
})

test('drops rows that no longer exist, and those above its size', async () => {
  const cache = createDatabaseCache<string>({ ...options, maxEntries: 2 })
  for (const key of ['a', 'b', 'c']) await cache.get(key, () => Promise.resolve(key))
  await expect(cache.get('a', away)).rejects.toMatchObject({ status: 503 })
  expect(await cache.get('c', away)).toBe('c')
  expect(await cache.refresh('c', () => Promise.resolve(null))).toBeNull()
  await expect(cache.get('c', away)).rejects.toMatchObject({ status: 503 })
})

test('reads an unsettled value each time, and still serves it in an outage', async () => {
  const cache = createDatabaseCache<string>(options, (value) => value !== 'open')
  const load = vi.fn(() => Promise.resolve('open'))
  await cache.get('k', load)
  await cache.get('k', load)
  expect(load).toHaveBeenCalledTimes(2)
  expect(await cache.get('k', away)).toBe('open')
})
