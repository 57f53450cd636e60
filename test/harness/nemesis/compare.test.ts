import { expect, test } from 'vitest'
import { compare } from './compare.ts'

test('nothing is wrong with each once, in any order', () => {
  expect(compare('news', ['a', 'b'], ['b', 'a'])).toEqual([])
})

test('what is lost, doubled and strange is told with examples', () => {
  expect(compare('news', ['a', 'b', 'c', 'd', 'e'], ['b', 'b', 'x'])).toEqual([
    'news: 4 lost of 5 (a, c, d)',
    'news: 1 doubled of 5 (b)',
    'news: 1 strange of 5 (x)',
  ])
})
