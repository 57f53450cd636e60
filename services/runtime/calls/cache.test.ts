import { beforeEach, expect, test, vi } from 'vitest'
import { createCache } from './cache.ts'
import { TransientError } from './retry.ts'

beforeEach(() => {
  vi.useFakeTimers()
  return () => vi.useRealTimers()
})

const away = () => Promise.reject(new TransientError('away'))
const give = (value: string) => () => Promise.resolve(value)
const open = (staleMs?: number) =>
  createCache<string>({ maxEntries: 2, lifeMs: () => 1000, ...(staleMs && { staleMs }) })

test('loads once, and again when what it knows is old', async () => {
  const cache = open()
  const load = vi.fn().mockResolvedValueOnce('one').mockResolvedValueOnce('two')
  expect(await cache.get('k', load)).toBe('one')
  expect(await cache.get('k', load)).toBe('one')
  vi.advanceTimersByTime(1000)
  expect(await cache.get('k', load)).toBe('two')
  expect(load).toHaveBeenCalledTimes(2)
})

test('loads once for all who ask at the same time, and again after a failure', async () => {
  const cache = open()
  const load = vi.fn(away)
  const answers = await Promise.allSettled([cache.get('k', load), cache.get('k', load)])
  expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  expect(load).toHaveBeenCalledTimes(1)
  expect(await cache.get('k', give('one'))).toBe('one')
})

test('an old value serves on while it cannot be loaded, without a load every time', async () => {
  const cache = open(500)
  await cache.get('k', give('one'))
  vi.advanceTimersByTime(5000)
  const load = vi.fn(away)
  expect(await cache.get('k', load)).toBe('one')
  expect(await cache.get('k', load)).toBe('one')
  expect(load).toHaveBeenCalledTimes(1)
  vi.advanceTimersByTime(500)
  expect(await cache.get('k', give('two'))).toBe('two')
})

test('an old value does not hide an error that stays, nor any where nothing may be stale', async () => {
  const broken = () => Promise.reject(new Error('broken'))
  const stale = open(500)
  await stale.get('k', give('one'))
  const strict = open()
  await strict.get('k', give('one'))
  vi.advanceTimersByTime(1000)
  await expect(stale.get('k', broken)).rejects.toThrow('broken')
  await expect(strict.get('k', away)).rejects.toThrow('away')
})

test('drops what is used least', async () => {
  const cache = open()
  for (const key of ['a', 'b', 'a', 'c']) await cache.get(key, give(key))
  expect(await cache.get('a', away)).toBe('a')
  await expect(cache.get('b', away)).rejects.toThrow('away')
})

test('a value without a life is loaded each time, and serves only while it is stale', async () => {
  const cache = createCache<string>({ maxEntries: 2, lifeMs: () => 0, staleMs: 500 })
  const load = vi.fn(give('open'))
  await cache.get('k', load)
  await cache.get('k', load)
  expect(load).toHaveBeenCalledTimes(2)
  expect(await cache.get('k', away)).toBe('open')
})

test('a value that is not to be kept takes what was known before it along', async () => {
  const cache = createCache<string | null>({
    maxEntries: 2,
    lifeMs: (value) => (value === null ? null : 1000),
    staleMs: 500,
  })
  await cache.get('k', give('one'))
  expect(await cache.refresh('k', () => Promise.resolve(null))).toBeNull()
  await expect(cache.get('k', away)).rejects.toThrow('away')
})
