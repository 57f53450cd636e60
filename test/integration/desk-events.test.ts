import { randomUUID } from 'node:crypto'
import { beforeAll, expect, test, vi } from 'vitest'
import { signIn, useSession } from '../harness/edge/console.ts'
import { startEdge, type TestEdge } from '../harness/edge/setup.ts'
import { storeFacts } from '../harness/edge/stored-facts.ts'
import { violationsOf } from '../harness/edge/violations-of.ts'
import { openWatchedPage } from '../harness/edge/watched-page.ts'
import { waitFor } from '../harness/wait-for.ts'

// A browser is slow to start on a busy machine.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 })

let edge: TestEdge
let cookies: { operator: string; viewer: string }
let source: number
let acme: number
/** A payload with a value and a news item, and one that was refused because there is no map. */
let understood: { event_id: string; document: string }
let refused: string
let task: number

beforeAll(async () => {
  edge = await startEdge()
  await Promise.all([edge.start('raw-sink'), edge.start('normalizer')])
  const { addMeasurement, addSeries, addNewsItem } = storeFacts(edge)
  source = await edge.addSource('github')
  acme = await edge.addCompany('Acme')
  const stars = await addMeasurement(source, 'stars')
  const series = await addSeries(acme, stars, { 1: 4711 })
  const news = await addNewsItem({ company: acme, source, measurement: stars, series, title: 'Stars rose' })
  const [event] = await edge.database.query<{ event_id: string; document: string }>(
    'SELECT event_id, document FROM normalizer.processed_event',
  )
  understood = event!
  await edge.database.query('UPDATE analyzer.news SET event_id = $1 WHERE news_id = $2', [understood.event_id, news])
  task = await edge.addTask(source)
  const body = { source_name: 'github', company_id: String(acme), raw_data: { stars: 1 } }
  const fed = await edge.call('/feed-raw-data', { token: await edge.token(source, task), body })
  refused = String(fed.json['document_id'])
  cookies = { operator: await signIn(edge, { key: 'operator' }), viewer: await signIn(edge, { key: 'viewer' }) }
  await waitFor('the refused payload', async () => (await page(`/${refused}`)).text.includes('no-map'))
})

async function page(path: string, cookie = cookies.operator) {
  const answer = await fetch(`${edge.url}/console/events${path}`, { headers: { cookie }, redirect: 'manual' })
  return { status: answer.status, text: await answer.text(), location: answer.headers.get('location') }
}

test('a payload’s page has its stages with the next step, its values, news items and raw document', async () => {
  const { status, text } = await page(`/${understood.event_id.toUpperCase()}`)
  expect(status).toBe(200)
  for (const part of [understood.document, '4711', 'Stars rose', 'normalized', 'Acme']) expect(text).toContain(part)
  expect(text).not.toContain('The first 50 of')
})

test('a payload that stopped says where, why, and what to do', async () => {
  const { text } = await page(`/${refused}`)
  expect(text).toMatch(/<th scope="row">normalized<\/th><td[^>]*>.*stopped/)
  expect(text).toContain('Initialise the module (GET /handshake), then run <code>parma redrive --reason no-map</code>.')
  // The row after it has nothing to do.
  expect(text).toMatch(/<th scope="row">judged<\/th><td[^>]*>.*skipped/)
})

test.each<[string, () => string, () => string]>([
  ['its id', () => `q=${understood.event_id}`, () => understood.event_id],
  ['the path of its raw document', () => `q=parma/mining/datasource/github/raw_data/${refused}`, () => refused],
])('an event is found by %s', async (_, query, id) => {
  expect(await page(`?${query()}`)).toMatchObject({ status: 303, location: `/console/events/${id()}` })
})

test.each<[string, () => string, 'understood' | 'refused' | 'both' | 'none']>([
  ['its task', () => `task=${task}`, 'refused'],
  ['company and source', () => `company=acme&source=${source}&since=2026-01-01`, 'both'],
  ['company and time', () => `company=${acme}&since=2026-11-01&until=2026-11-25`, 'understood'],
  ['another company', () => 'company=Beta', 'none'],
  ['another source', () => 'source=999999', 'none'],
  ['a text that is no id', () => `q=${encodeURIComponent('<b>no id</b>')}`, 'none'],
])('a search by %s lists what fits', async (_, query, expected) => {
  const { status, text } = await page(`?${query()}`)
  expect(status).toBe(200)
  expect(text.includes(`/console/events/${understood.event_id}`)).toBe(['understood', 'both'].includes(expected))
  expect(text.includes(`/console/events/${refused}`)).toBe(['refused', 'both'].includes(expected))
  expect(text.includes('Nothing found')).toBe(expected === 'none')
  expect(text).not.toContain('<b>no id')
})

test('what nobody knows is not found, a wrong address says so, and a viewer sees nothing', async () => {
  expect((await page(`/${randomUUID()}`)).status).toBe(404)
  expect((await page('/x')).status).toBe(422)
  expect((await page('?since=2026-02-30')).status).toBe(422)
  expect((await page('?since=2026-03-01&until=2026-02-01')).status).toBe(422)
  for (const path of ['', `/${understood.event_id}`]) expect((await page(path, cookies.viewer)).status).toBe(403)
})

test('the pages have no violations, fit, and ask nobody else', async () => {
  const watched = await openWatchedPage(edge.url)
  await useSession(watched.page, edge.url, cookies.operator)
  for (const path of ['', `?company=acme&since=2026-01-01`, '?q=x', `/${understood.event_id}`, `/${refused}`])
    expect(await violationsOf(watched, `${edge.url}/console/events${path}`)).toEqual([])
  expect(await violationsOf(watched, `${edge.url}/console/events/${randomUUID()}`, 404)).toEqual([])
})
