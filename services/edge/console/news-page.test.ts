import { expect, test } from 'vitest'
import type { NewsPage } from '../ask/news.ts'
import { type NewsMain, newsMain } from './news-page.ts'
import { given, newsPageQuery, startOf, toNewsQuery } from './news-query.ts'
import type { NewsView } from './read-news-page.ts'

const start = '2026-11-20T08:00:00.000Z'
const query = newsPageQuery.parse({})
const quiet: NewsView = {
  ...{ news: [], next: null, feedback: new Map(), start, isVisit: true, isFollowed: true },
  ...{ counts: { followed: 2, visible: 5 }, buckets: [], sources: [], company: null },
}
const item = (id: number, company: number, title = `News ${id}`): NewsPage['news'][number] => ({
  ...{ news_id: `00000000-0000-4000-8000-00000000000${id}`, kind: 'changed', severity: 'info', silent: false, title },
  ...{ message: 'More.', company: { id: company, name: `Company <${company}>` }, source: { id: 1, name: 'github' } },
  ...{ measurement: { id: 1, name: 'stars' }, series_id: '7', item: null, previous: '1', current: '2' },
  ...{ trigger_factor: 3, importance: 0.5, importance_parts: null, facts: {}, event_id: 'e' },
  ...{ observed_at: '2026-11-20T10:00:00.000Z', created_at: '2026-11-20T10:00:00.000Z' },
})

const show = (view: Partial<NewsView>, more: Partial<NewsMain> = {}) =>
  String(newsMain({ query, view: { ...quiet, ...view }, zone: 'Asia/Tokyo', at: start, isPerson: true, ...more }))

test('news stands by company, in the order of the best item of each', () => {
  const page = show({ news: [item(1, 5), item(2, 4), item(3, 5, '<script>')] })
  expect([...page.matchAll(/Company &lt;(\d)&gt;/g)].map(([, id]) => id)).toEqual(['5', '4'])
  expect(page).toContain('3 news items since your last visit on')
  expect(page).toContain('20 Nov 2026, 17:00')
  expect(page).toContain('>&lt;script&gt;</a>')
  expect(page).not.toContain('<script>')
})

test.each([
  ['acme: stars rose 48%', 'acme: stars rose 48% to 148 (github).', '<p dir="auto">To 148 (github).</p>'],
  ['acme: stars rose 4', 'acme: stars rose 48%.', '<p dir="auto">acme: stars rose 48%.</p>'],
  ['acme: stars rose', 'acme: stars rose.', null],
  ['Stars', 'Forks rose.', '<p dir="auto">Forks rose.</p>'],
])('what the title %j says is not said again by the message %j', (title, message, shown) => {
  const page = show({ news: [{ ...item(1, 5, title), message }] })
  expect([...page.matchAll(/<p dir="auto">.*?<\/p>/g)].map(String)).toEqual(shown === null ? [] : [shown])
})

test('a marked item says so and can be opened again', () => {
  const news = [item(1, 5)]
  const feedback = { news_id: news[0]!.news_id, opinion: 'useful', is_done: true, is_snoozed: false } as const
  const page = show({ news, feedback: new Map([[feedback.news_id, feedback]]) })
  expect(page).toContain('<b>Done</b>')
  expect(page).toContain('value="open" data-key="e"')
  expect(page).toContain('value="none" data-key="u" aria-pressed="true"')
})

test('whoever signed in with a key reads, and has no buttons', () => {
  expect(show({ news: [item(1, 5)] }, { isPerson: false })).not.toContain('method="post"')
})

test.each([
  ['All quiet since', {}, query],
  ['Choose companies', { counts: { followed: 0, visible: 0 } }, query],
  ['No news with these filters', {}, { ...query, severity: 'critical' as const }],
  ['No more news', {}, { ...query, cursor: 'x' }],
])('where there is nothing it says why: %s', (text, view, asked) => {
  const page = show(view, { query: asked })
  expect(page).toContain(text)
  expect(page.match(/class="button"/g)).toHaveLength(1)
})

test('the address of the next page keeps the filters', () => {
  const page = show({ news: [item(1, 5)], next: 'abc' }, { query: { ...query, severity: 'info', since: 'month' } })
  expect(page).toContain('href="/console?severity=info&amp;cursor=abc&amp;since=month"')
})

test('a visit begins where the last one ended; without one, a week ago', () => {
  const now = Date.parse('2026-11-30T00:00:00Z')
  expect(startOf(query, start, now)).toBe(start)
  expect(startOf(query, null, now)).toBe('2026-11-23T00:00:00.000Z')
  expect(startOf({ ...query, since: 'day' }, start, now)).toBe('2026-11-29T00:00:00.000Z')
  expect(toNewsQuery(query, start, true)).toMatchObject({ arrived_since: start, followed: 'true', open: 'true' })
  expect(toNewsQuery({ ...query, show: 'all' }, start, false)).not.toHaveProperty('open')
  expect(given({ bucket: '', since: 'day' })).toEqual({ since: 'day' })
})
