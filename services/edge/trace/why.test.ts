import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import type { Database } from '#runtime/postgres/database.ts'
import type { Log } from '#runtime/process/log.ts'
import { makeWhyLink } from '#runtime/web/signed-links.ts'
import type { RouteRequest } from '../server/route.ts'
import { showWhy } from './why.ts'

const newsId = randomUUID()
const linkSecret = 'x'.repeat(40)
const newsRow = {
  ...{ news_id: newsId, kind: 'threshold', severity: 'info', title: 'acme: stars rose', message: '', silent: false },
  ...{ created_at: '2026-11-16T10:00:00.000Z', company: { id: 1, name: 'acme' }, source: { id: 1, name: null } },
  ...{ measurement: { id: 1, name: 'stars', type: 'int' }, subject_key: '', item_key: null, trigger_factor: null },
  ...{ previous: '1', current: '9', facts: {}, rule: null, series: null, event_no: 1, replay_id: '', seq: null },
  ...{ path: 'stars', observed_at: '2026-11-16T10:00:00.000Z', value_at: null, company_measurement_id: 1 },
}

async function open(readPast: () => Promise<unknown[]>) {
  const logged: string[] = []
  const log = { warn: (_fields: object, message: string) => logged.push(message) } as unknown as Log
  const found = [newsRow, null, null]
  const database = { maybeOne: async () => found.shift(), any: readPast } as unknown as Database
  const boundedLookup = <T>(work: Promise<T>) => work
  const link = new URL(
    makeWhyLink({ PUBLIC_URL: 'https://x.example', LINK_SECRET: linkSecret }, newsId, Date.now() + 1e6) ?? '',
  )
  const request = {
    params: { news_id: newsId },
    query: Object.fromEntries(link.searchParams),
  } as unknown as RouteRequest
  const isReadable = async () => true
  const readZone = async () => 'UTC'
  const showAudience = async () => null
  const { status, body } = await showWhy({
    database,
    boundedLookup,
    linkSecret,
    log,
    isReadable,
    readZone,
    showAudience,
  })(request)
  return { status, body: String(body), logged }
}

const at = (day: number) => ({ news_at: day, at: day * 86_400_000 })

test('a page has a picture of the series', async () => {
  const { status, body, logged } = await open(async () => [
    { ...at(1), value: 1 },
    { ...at(2), value: 9 },
  ])
  expect([status, logged]).toEqual([200, []])
  expect(body.match(/<svg /g)).toHaveLength(2)
})

test.each([
  ['the series cannot be read', () => Promise.reject(new Error('timeout')), ['series_not_read']],
  [
    'the series cannot be drawn',
    async () => [
      { ...at(1), value: NaN },
      { ...at(2), value: 1 },
    ],
    ['picture_failed'],
  ],
  ['the series has one value', async () => [{ ...at(1), value: 1 }], []],
  ['the series has none', async () => [], []],
])('a page is complete without a picture when %s', async (_what, readPast, expected) => {
  const { status, body, logged } = await open(readPast)
  expect([status, logged]).toEqual([200, expected])
  expect(body).toContain('<h1 dir="auto">acme: stars rose</h1>')
  expect(body).toContain('<dt>Now</dt><dd dir="auto">9</dd>')
  expect(body).not.toContain('<svg')
})
