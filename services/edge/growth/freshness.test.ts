import { expect, test } from 'vitest'
import { judgeFeed, judgeFeeds } from './freshness.ts'

test.each([
  ['within its usual time', { observedAt: 90, everyMs: 10 }, 'fresh'],
  ['at twice its usual time', { observedAt: 80, everyMs: 10 }, 'fresh'],
  ['after it', { observedAt: 79, everyMs: 10 }, 'late'],
  ['without a usual time', { observedAt: 0, everyMs: null }, 'fresh'],
  ['never', { observedAt: null, everyMs: 10 }, 'none'],
  ['by a clock that is ahead', { observedAt: 200, everyMs: 10 }, 'fresh'],
])('%s', (_, feed, kind) => {
  expect(judgeFeed(feed, 100).kind).toBe(kind)
})

test('a company is as late as its sources, and as new as the newest', () => {
  const fresh = { observedAt: 95, everyMs: 10 }
  const late = { observedAt: 5, everyMs: 10 }
  expect(judgeFeeds([fresh, late, { observedAt: null, everyMs: null }], 100)).toEqual({
    ...{ kind: 'late', observedAt: 95, late: 1, of: 3 },
  })
  expect(judgeFeeds([fresh], 100)).toMatchObject({ kind: 'fresh', late: 0 })
  expect(judgeFeeds([], 100)).toEqual({ kind: 'none', observedAt: null, late: 0, of: 0 })
})
