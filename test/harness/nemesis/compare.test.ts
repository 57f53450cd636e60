import { describe, expect, test } from 'vitest'
import { compare, compareTold } from './compare.ts'

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

describe('messages', () => {
  const [a, b, c] = ['a', 'b', 'c'].map((letter) => `${letter.repeat(8)}-0000-4000-8000-000000000000`) as [
    string,
    string,
    string,
  ]

  test('may count an event in place of naming it', () => {
    expect(compareTold('posts', [a, b, c], [`Events ${a}, ${b}`, '… and 1 more.'], 0)).toEqual([])
  })

  test('may be unknown', () => {
    expect(compareTold('mails', [a, b, c], [`Event ${a}`], 2)).toEqual([])
  })

  test('that are lost are told beside what is counted and unknown', () => {
    expect(compareTold('mails', [a, b, c], ['… and 1 more.'], 1)).toEqual([
      `mails: 3 lost of 3 (${a}, ${b}, ${c}), of which 1 are counted and 1 unknown`,
    ])
  })

  test('that name an event twice, or one that was not to be told, are wrong', () => {
    expect(compareTold('posts', [a, b], [`Event ${a}`, `Events ${a}, ${b}`, `Event ${c}`], 9)).toEqual([
      `posts: 1 doubled of 2 (${a})`,
      `posts: 1 strange of 2 (${c})`,
    ])
  })
})
