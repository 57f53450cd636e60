import { expect, test } from 'vitest'
import { composeDigest, type DigestNewsItem } from '../message/compose-digest.ts'
import { documentOf } from './reports.ts'

const until = Date.UTC(2026, 10, 23, 8)

function documentFor(count: number, text: string, { name = 'Ann', companies = [{ id: 1, name: 'acme' }] } = {}) {
  const news = Array.from({ length: count }, (_, index): DigestNewsItem => ({
    news_id: String(index),
    company_id: 1,
    company: 'acme',
    severity: 'info',
    title: '',
    message: text,
    trigger_factor: null,
    observed_at: until,
  }))
  const about = { rhythm: 'weekly' as const, since: until - 1000, until, bucket: name === 'Ann' ? null : name }
  const nothing = { chartOf: () => null, fundingOf: () => [], linkOf: () => null }
  return documentOf({
    result: {
      ...about,
      ...{ user_id: 7, user_name: name, bucket_id: 0, period: '2026-W48', companies },
    },
    message: composeDigest({ ...about, news }, nothing, count),
    news: news.map(({ news_id }) => news_id),
  })
}

test('a report’s document says whose it is, of when and what', () => {
  expect(documentFor(1, 'Stars < 5')).toEqual({
    user_id: 7,
    user_name: 'Ann',
    bucket_id: 0,
    bucket: null,
    rhythm: 'weekly',
    period: '2026-W48',
    name: 'Your weekly report: 1 news item about acme',
    since: new Date(until - 1000),
    until: new Date(until),
    companies: [{ id: 1, name: 'acme' }],
    companies_count: 1,
    news: ['0'],
    news_count: 1,
    html: '<p><strong>acme</strong></p><ul><li>Stars &lt; 5</li></ul>',
    html_left_out: false,
  })
})

test('it fits into a document of Firestore, whatever there is to say', () => {
  const document = documentFor(6000, '<'.repeat(600))
  expect(document).toMatchObject({ html: '', html_left_out: true, news_count: 6000 })
  expect(Buffer.byteLength(JSON.stringify(document))).toBeLessThan(1024 * 1024)
})

test('nor do long names or very many companies keep it from Firestore', () => {
  const companies = Array.from({ length: 3000 }, (_, id) => ({
    id,
    name: id ? '株'.repeat(3000) : 'x'.repeat(3_000_000),
  }))
  // As many news items as its html holds.
  const document = documentFor(950, '<'.repeat(170), { name: 'ü'.repeat(1_000_000), companies })
  expect(document).toMatchObject({ html_left_out: false, companies_count: 3000 })
  expect(document.companies).toHaveLength(400)
  expect(Buffer.byteLength(JSON.stringify(document))).toBeLessThan(1024 * 1024)
})
