import { expect, test } from 'vitest'
import { listContents } from './list-contents.ts'

test.each([
  [['all its values'], [0, 0], 'all its values'],
  [['all its values'], [2, 0], 'all its values and 2 tasks'],
  [['all its values'], [1, 1], 'all its values, 1 task and 1 news item'],
  [[], [0, 3], '3 news items'],
  [[], [0, 0], ''],
])('%j with %j: %s', (always, [tasks = 0, news = 0], said) => {
  const counts = [
    [tasks, 'task'],
    [news, 'news item'],
  ] as const
  expect(listContents(always, counts)).toBe(said)
})
