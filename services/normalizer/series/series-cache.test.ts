import { expect, test } from 'vitest'
import { SeriesCache, seriesKey } from './series-cache.ts'

const ids = (count: number) => new Map(Array.from({ length: count }, (_, id) => [id, id]))

test('beyond its size it forgets what was unused the longest', () => {
  const cache = new SeriesCache(10)
  cache.keep(new Map([['a', ids(4)]]))
  cache.keep(new Map([['b', ids(4)]]))
  cache.get('a')
  cache.keep(new Map([['c', ids(4)]]))
  expect(['a', 'b', 'c'].map((key) => cache.get(key)?.size)).toEqual([4, undefined, 4])
})

test('new entries join existing ones', () => {
  const cache = new SeriesCache(10)
  cache.keep(new Map([['a', new Map([[1, 11]])]]))
  cache.keep(new Map([['a', new Map([[2, 22]])]]))
  expect(cache.get('a')).toEqual(
    new Map([
      [1, 11],
      [2, 22],
    ]),
  )
  cache.forget()
  expect(cache.get('a')).toBeUndefined()
})

test('companies and sources are not confused', () => {
  expect(seriesKey(1, 23)).not.toBe(seriesKey(12, 3))
})
