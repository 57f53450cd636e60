import { expect, test } from 'vitest'
import { compileMeanings, findFault, tellsOfTurn } from './polarity.ts'

const meaningOf = compileMeanings([])

test.each<[string, 'good' | 'bad' | 'neither']>([
  ['repository stars', 'good'],
  ['total watchers count', 'good'],
  ['number of followers of company', 'good'],
  ['company employee count', 'good'],
  ['subscriber count of subreddit', 'good'],
  ['rate of upvotes to downvotes', 'good'],
  ['Monthly Revenue', 'good'],
  ['# of Employees', 'good'],
  ['weeklyDownloads', 'good'],
  ['repository open issues count', 'bad'],
  ['downvote count of comment', 'bad'],
  ['customer churn', 'bad'],
  ['user complaints', 'bad'],
  ['average response time', 'bad'],
  ['repository size', 'neither'],
  ['founded year of company', 'neither'],
  ['company name', 'neither'],
  ['', 'neither'],
  ['something that nobody has heard of', 'neither'],
])('%s: more is %s', (name, polarity) => expect(meaningOf(name)).toMatchObject({ polarity }))

test('what a setting says goes before the table, and keeps its weight unless it gives one', () => {
  const own = compileMeanings(['open issues=good', 'headcount = bad:0.2', 'Stars=neither:1'])
  expect(own('repository open issues count')).toEqual({ polarity: 'good', weight: meaningOf('open issues').weight })
  expect(own('headcount')).toEqual({ polarity: 'bad', weight: 0.2 })
  expect(own('repository stars')).toEqual({ polarity: 'neither', weight: 1 })
  expect(own('forks')).toEqual(meaningOf('forks'))
})

test.each(['stars', 'stars=great', '=good', '*=good', '⭐=bad:1', 'stars=good:2', 'stars=good:', 'a=b=c'])(
  '%s is refused',
  (text) => {
    expect(findFault(text)).toContain(text)
  },
)

test.each(['stars=good', 'open issues = BAD:0.5', '粉丝=good:1'])('%s is understood', (text) => {
  expect(findFault(text)).toBeNull()
})

test.each<[string, string, boolean]>([
  ['A media player', 'This project is deprecated. Use media instead', true],
  ['A media player', '[Archived] A media player', true],
  ['Moved to github.com/x/y', 'Moved to github.com/x/z', false],
  ['Privately held', 'Acquired by Example Corp', true],
  ['A parser for JSON', 'A parser for YAML', false],
  ['A deprecated thing', 'A thing', false],
  ['many words '.repeat(40), `${'many words '.repeat(40)}acquired by Example Corp`, true],
  [`${'word '.repeat(60)}deprecated`, `${'word '.repeat(49)}deprecated`, false],
])('from %j to %j tells of a turn: %s', (before, now, tells) => expect(tellsOfTurn(before, now)).toBe(tells))

test('items of lists have meanings of their own', () => {
  expect(meaningOf('funding_rounds', 'items').weight).toBeGreaterThan(meaningOf('comments', 'items').weight)
  expect(meaningOf('repos', 'items').weight).toBeGreaterThan(meaningOf('job_posts', 'items').weight)
})
