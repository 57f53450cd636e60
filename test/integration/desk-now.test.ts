import { randomUUID } from 'node:crypto'
import { createCodec } from '../../schemas/codec.ts'
import { createRegistry } from '../../schemas/registry.ts'
import { topics } from '../../schemas/topics.ts'
import { beforeAll, expect, test, vi } from 'vitest'
import { useSession } from '../harness/edge/console.ts'
import { startDesk, type TestDesk } from '../harness/edge/desk.ts'
import { storeFacts } from '../harness/edge/stored-facts.ts'
import { violationsOf } from '../harness/edge/violations-of.ts'
import { openWatchedPage } from '../harness/edge/watched-page.ts'
import { waitFor } from '../harness/wait-for.ts'

// A browser and five services are slow to start on a busy machine.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 })

let desk: TestDesk
let source = 0
const query = (text: string, values: unknown[] = []) => desk.edge.database.query(text, values)
const look = async () => (await desk.open('/console/now')).text
const textOf = (markup: string) => markup.replaceAll(/<[^>]*>/g, ' ').replaceAll(/\s+/g, ' ')
/** The address of the one next step of an installation that is being set up. */
const leadOf = (page: string) => /<section class="empty">[^]*?<a class="button" href="([^"]+)"/.exec(page)?.[1] ?? null

beforeAll(async () => {
  desk = await startDesk()
})

test('services that do not run are red, with what waits for them', async () => {
  // The first reading of the broker may take longer than a page waits for it.
  await waitFor('a reading', async () => !(await look()).includes('No Kafka broker answers'), 30_000)
  const page = textOf(await look())
  for (const service of ['raw-sink', 'normalizer', 'analyzer', 'notifier', 'scheduler'])
    expect(page).toContain(`${service} does not run`)
})

test('an empty installation is led, one step at a time', async () => {
  expect(leadOf(await look())).toBe('/console/sources/new')
  source = await desk.edge.addSource('github')
  const { addMeasurement, addSeries, addUser, addBucket } = storeFacts(desk.edge)
  expect(leadOf(await look())).toBe(`/console/sources/${source}`)
  expect(await look()).toContain('Do the handshake')
  await query(
    `INSERT INTO edge.normalization_map (data_source_id, version, content_hash, content) VALUES ($1, 1, '', '{}')`,
    [source],
  )
  expect(await look()).toContain('Choose companies')
  const company = await desk.edge.addCompany('Acme')
  expect(await look()).toContain('Run it for the first time')
  await addSeries(company, await addMeasurement(source, 'stars'), { 0: 1 })
  expect(leadOf(await look())).toBe('/console/people')
  await addBucket('Portfolio', await addUser('Ann'), [company])
  expect(leadOf(await look())).toBeNull()
})

test('each thing that is wrong has its age, its reason and its next step, the worst first', async () => {
  const at = '2026-11-20T10:00:00.000Z'
  const story = (key: string, kind: string, company: number | null, message: string) =>
    query(
      `INSERT INTO scheduler.story (dedupe_key, kind, data_source_id, company_id, subject, message, facts, opened_at)
       VALUES ($1, $2, $3, $4, 'github', $5, '{}', $6)`,
      [key, kind, source, company, message, at],
    )
  await story('a', 'stale', 1, 'No value of Acme.')
  await story('b', 'stale', 2, 'No value of Beta.')
  await story('c', 'source-down', null, 'github is down: <b>timeout</b>.')
  await query(
    `INSERT INTO analyzer.judged_run (data_source_id, source_name, state, message, suspected_at)
     VALUES ($1, 'github', 'suspect', 'All look alike.', $2)`,
    [source, at],
  )
  await query(
    `INSERT INTO notifier.destination (channel, address, parked_at, parked_reason) VALUES ('SLACK', '#gone', $1, 'channel_not_found')`,
    [at],
  )
  await query(
    `INSERT INTO edge.map_draft (data_source_id, origin, actor, at, content_hash, content, losses, state)
     VALUES ($1, 'handshake', 'parma-web', $2, 'x', '{}', '[{}, {}]', 'waiting')`,
    [source, at],
  )
  const page = await look()
  const reds = page.slice(page.indexOf('plain-list reds'), page.indexOf('id="services"')).split('<li>').slice(1)
  const own = reds.filter((red) => !red.includes('does not run'))
  const heads = own.map((red) => textOf(/<h2>(.*?)<\/h2>/.exec(red)![1]!).trim())
  expect(heads).toEqual([
    '▲ github is down',
    '▲ github is suspect: its news items are withheld',
    '◐ github is stale for 2 companies',
    '▲ SLACK #gone is parked',
    '◐ A new map of github waits for a yes',
  ])
  for (const red of own) {
    expect(red).toContain(`datetime="${at}"`)
    expect(red.match(/<a href=/g)).toHaveLength(1)
  }
  expect(own[0]).toContain('&lt;b&gt;timeout')
})

test('the page is for operators, and axe-clean on phones and screens, light and dark', async () => {
  expect((await desk.open('/console/now', desk.cookies.viewer)).status).toBe(403)
  const browser = await openWatchedPage(desk.edge.url)
  await useSession(browser.page, desk.edge.url, desk.cookies.operator)
  expect(await violationsOf(browser, `${desk.edge.url}/console/now`)).toEqual([])
})

test('what a service that has ended has not read is counted, and how long it waits', async () => {
  const codec = createCodec(createRegistry(desk.edge.env['SCHEMA_REGISTRY_URL'] ?? ''))
  const trigger = {
    ...{ event_id: randomUUID(), kind: 'schedule' as const, requested_at: Date.now() },
    ...{ data_source_id: null, company_id: null, mail: null },
  }
  await desk.edge.topics.produce(topics.triggers.name, [
    {
      key: 'schedule',
      value: await codec.encode(topics.triggers, desk.edge.topics.prefix + topics.triggers.name, trigger),
    },
  ])
  await waitFor('the records', async () => /scheduler does not run 1 record waits?/.test(textOf(await look())), 30_000)
})

test('where all is well it says so in one line', async () => {
  await query('DELETE FROM scheduler.story')
  await query('DELETE FROM edge.map_draft')
  await query('DELETE FROM notifier.destination')
  await query('DELETE FROM analyzer.judged_run')
  for (const service of ['raw-sink', 'normalizer', 'analyzer', 'notifier', 'scheduler']) await desk.edge.start(service)
  await waitFor('all is well', async () => (await look()).includes('Nothing is red.'), 120_000)
  expect(await look()).not.toContain('plain-list reds')
})
