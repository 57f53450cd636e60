import { expect, test } from 'vitest'
import { dayMs, hourMs } from '#runtime/text/time.ts'
import { describeFeed } from './list-feeds.ts'

const at = Date.parse('2026-11-03T10:00:00Z')
const movement = { rounds: 60, moves: 57, longestPause: 1, still: 4, movedAt: at }

test('a feed in a list: on time, due, overdue, still, unknown', () => {
  const feed = {
    at,
    cameAt: at,
    live: true,
    rhythm: { step: dayMs, tolerance: hourMs },
    movement: { ...movement, still: 0 },
  }
  const stateAt = (ms: number, changes = {}) => describeFeed({ ...feed, ...changes }, at + ms).state
  expect(stateAt(0)).toBe('on time')
  expect(stateAt(dayMs)).toBe('due')
  expect(stateAt(dayMs + hourMs)).toBe('overdue')
  expect(stateAt(0, { movement: { ...movement, still: 9 } })).toBe('stands still')
  expect(stateAt(0, { rhythm: null, movement: null })).toBe('no rhythm known')
  expect(describeFeed(feed, at)).toMatchObject({
    every: '24 hours',
    expected_at: '2026-11-04T10:00:00Z',
    moves: '57 of 60',
  })
})
