import { expect, test } from 'vitest'
import type { Destination } from '../people/destinations.ts'
import { describeReport, reportRehearsal } from './describe-rehearsal.ts'
import { readNews } from './read-news.ts'

const id = '8517922a-a7f2-537f-895f-9e49f6bed872'
const line = {
  ...{ news_id: id, event_id: id, company_id: 1, data_source_id: 2, source_measurement_id: 3, kind: 'threshold' },
  ...{ severity: 'info', title: 'acme: stars rose 48% to 14,818', message: 'acme: stars rose.', dedupe_key: 'k' },
  ...{ observed_at: '2026-01-31T00:00:00.000Z', silent: false, company: 'acme', source: 'github', importance: 0.5 },
}

test('each line is a news item, blank ones aside', () => {
  const text = `\uFEFF${JSON.stringify(line)}\r\n\r\n${JSON.stringify({ ...line, silent: true })}`
  expect(readNews(text, 'news.ndjson')).toMatchObject([
    { group_id: id, observed_at: Date.parse('2026-01-31'), silent: false, previous: null },
    { silent: true },
  ])
  expect(readNews('', 'news.ndjson')).toEqual([])
})

test('a line that is none is named, with the reason', () => {
  const text = [JSON.stringify(line), '{"news_id":', '[]', JSON.stringify({ ...line, observed_at: 'soon' }), 'x'].join(
    '\n',
  )
  expect(() => readNews(text, 'news.ndjson')).toThrow(
    [
      'news.ndjson is not what `parma backtest` writes, one news item (JSON) a line:',
      'line 2: not JSON: {"news_id":',
      'line 3: Invalid input: expected object, received array',
      'line 4: observed_at: not a time in ISO 8601',
      '1 more line with faults',
    ].join('\n'),
  )
})

test('the report says how many messages for whom, and lists them', () => {
  const news = readNews(JSON.stringify(line), 'news.ndjson')
  const to = [{ destinationId: 1, recipients: [{ id: 5, name: 'Ann', through: ['acme'] }] }]
  const messages = [{ at: Date.parse('2026-01-31T08:00Z'), companyIds: [1], itemIds: [id], isHeld: false, to }]
  const ann: Destination = { channel: 'EMAIL', address: 'ann@example.com', secretId: '', problem: null }
  const rehearsal = { messages, withoutRecipient: { 'nobody follows the company': 2 }, keptBack: {} }
  const report = reportRehearsal(rehearsal, news, new Map([[1, ann]]), 30)
  expect(report).toMatchObject({
    ...{ news: 1, silent: 0, messages: 1 },
    people: [{ person: 'Ann', at: 'EMAIL ann@example.com', messages: 1, news: 1 }],
    list: [{ at: '2026-01-31T08:00:00.000Z', to: 'EMAIL ann@example.com', people: ['Ann'], news: 1 }],
  })
  expect(describeReport(report, 50).split('\n').slice(0, 3)).toEqual([
    '1 news item would have made 1 message. Nothing is sent.',
    'Without a recipient: 2 (nobody follows the company).',
    'Ann, EMAIL ann@example.com: 1 message with 1 news item',
  ])
  expect(describeReport(report, 50)).toContain('2026-01-31 08:00 UTC  EMAIL ann@example.com  acme: stars rose 48%')
  expect(describeReport(report, 0)).toContain('… and 1 more')
})
