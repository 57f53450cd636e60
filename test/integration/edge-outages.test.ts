import pg from 'pg'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { topics } from '../../schemas/topics.ts'
import { makeWhyLink } from '../../services/runtime/web/signed-links.ts'
import { signIn } from '../harness/edge/console.ts'
import { type Link, openLink } from '../harness/edge/link.ts'
import { routeTable } from '../harness/edge/route-table.ts'
import { type TestEdge, useEdge } from '../harness/edge/setup.ts'
import { storeFacts } from '../harness/edge/stored-facts.ts'
import { createInstallation } from '../harness/installation.ts'
import { findMarkupFaults } from '../harness/markup.ts'
import { waitFor } from '../harness/wait-for.ts'

let edge: TestEdge
let link: Link
let source = 0
let token = ''
let healthUrl = ''
/** Of an administrator, who may see every page. */
let cookie = ''
let key = ''

beforeAll(async () => {
  const installation = await createInstallation()
  link = await openLink(installation.database.url)
  // Without a cache every request meets the outage.
  const started = await installation.start('edge', {
    DATABASE_URL: link.url,
    SOURCE_CACHE_MS: '0',
    LOOKUP_TIMEOUT_MS: '500',
    DATABASE_TIMEOUT_MS: '1000',
    DATABASE_LOCK_TIMEOUT_MS: '200',
    // Statements that wait for locks leave room for those that do not.
    DATABASE_POOL_SIZE: '20',
    API_KEY_CACHE_MS: '600000',
    RATE_LIMIT_SESSION: '0',
    RATE_LIMIT_REFUSED: '0',
    RATE_LIMIT_ANONYMOUS: '0',
  })
  healthUrl = started.healthUrl
  edge = useEdge(installation, started.url)
  source = await edge.addSource('github')
  token = await edge.token(source)
  const person = await storeFacts(edge).addUser('Ann')
  await edge.database.query(`UPDATE "user" SET role = 'ADMIN' WHERE id = $1`, [person])
  cookie = await signIn(edge, { person })
  key = await edge.apiKey('admin')
})

const payload = (raw_data: object, source_name = 'github') => ({ source_name, company_id: '1', raw_data })

describe.each(['cut', 'freeze'] as const)('while Postgres is away (%s)', (how) => {
  test('payloads and finished tasks of a known source are accepted, others are 503', async () => {
    const other = await edge.addSource(`other-${how}`)
    const unknown = await edge.token(other)
    const task = await edge.addTask(source)
    expect((await edge.call('/feed-raw-data', { token, body: payload({ before: how }) })).status).toBe(201)

    link[how]()
    onTestFinished(() => link.restore())
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, at) => edge.call('/feed-raw-data', { token, body: payload({ during: how, at }) })),
    )
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(201))
    const finished = await edge.call('/crawling-finished', { token, body: { task_id: task, errors: {} } })
    expect(finished.status).toBe(201)
    expect((await edge.call('/schedule')).status).toBe(200)
    for (const call of [
      edge.call('/feed-raw-data', { token: unknown, body: payload({}, `other-${how}`) }),
      edge.call('/source-measurement', {
        token,
        body: { type: 'int', measurement_name: how, source_module_id: source },
      }),
      edge.handshake('x', source),
    ]) {
      const { status, headers } = await call
      expect([status, headers.get('retry-after')]).toEqual([503, '5'])
    }

    link.restore()
    await waitFor('the other source', async () => {
      return (await edge.call('/feed-raw-data', { token: unknown, body: payload({}, `other-${how}`) })).status === 201
    })
    const ids = answers.map(({ json }) => json['document_id'])
    const stored = (await edge.records(topics.rawPayloads)).map(({ decoded }) => decoded.event_id)
    expect(stored).toEqual(expect.arrayContaining(ids))
    expect((await edge.records(topics.crawlFinished)).map(({ decoded }) => decoded.task_id)).toContain(task)
  })
})

test('it is ready without Postgres: payloads of known sources are accepted', async () => {
  link.cut()
  onTestFinished(() => link.restore())
  expect((await fetch(`${healthUrl}/readyz`)).status).toBe(200)
})

const in1h = () => Date.now() + 3_600_000
const uuid = '3f1f0c9e-2a54-5c1b-9e53-0f6f1b1c2d3e'
const isUuid = /^:(news|sign_in|event|change|digest|replay)_id$|^:(replay|trial)$/

/** The addresses of the GET routes for these roles, with ids as they could be. */
const addressesOf = (...wanted: string[]) =>
  routeTable()
    .filter(({ method, role }) => method === 'get' && wanted.includes(role))
    .map(({ path }) => `${path.replaceAll(/:\w+/g, (name) => (isUuid.test(name) ? uuid : '1'))}?q=a`)

/** Says nothing of what is inside, has the design, and leads to another try. */
async function expectUnavailable(path: string): Promise<string> {
  const { status, headers, text } = await edge.call(path, { headers: { cookie } })
  const shown = [path, status, Number(headers.get('retry-after')) > 0, headers.get('content-type')]
  expect(shown).toEqual([path, 503, true, 'text/html; charset=utf-8'])
  expect(text).toContain('<h1 dir="auto">Not available for a moment</h1>')
  expect(text).toContain('<a class="button" href="">Try again</a>')
  expect(text).toContain('rel="stylesheet"')
  expect(findMarkupFaults(text.replace('href=""', 'href="?"'))).toEqual([])
  return text
}

async function expectProblem(path: string): Promise<void> {
  const { status, headers, json } = await edge.call(path, { token: key })
  const said = [path, status, Number(headers.get('retry-after')) > 0, headers.get('content-type')]
  expect(said).toEqual([path, 503, true, 'application/problem+json'])
  expect(json['remedy']).toMatch(/^Wait as many seconds/)
}

describe.each(['cut', 'freeze'] as const)('pages and answers to programs while Postgres is away (%s)', (how) => {
  test('say what happened and what to do', async () => {
    await waitFor('Postgres', async () => (await edge.call('/api/v1/news', { token: key })).status === 200)
    link[how]()
    onTestFinished(() => link.restore())
    const why = new URL(makeWhyLink({ PUBLIC_URL: edge.url, LINK_SECRET: edge.env['LINK_SECRET'] }, uuid, in1h()) ?? '')
    const pages = [...addressesOf('person', 'desk', 'maybe-person'), why.pathname + why.search]
    await Promise.all([...pages.map(expectUnavailable), ...addressesOf('viewer', 'operator').map(expectProblem)])
    const sent = await edge.call('/console/me/quiet', {
      ...{ method: 'POST', body: 'from=20%3A00' },
      headers: { cookie, origin: edge.url, 'content-type': 'application/x-www-form-urlencoded' },
    })
    expect(sent.status).toBe(503)
    expect(sent.text).toContain('may have been done or not')
    expect(sent.text).toContain('name="from" value="20:00"')
  })
})

test('a page that cannot read what it shows says so below its navigation', async () => {
  const holding = new pg.Client({ connectionString: edge.database.url })
  await holding.connect()
  onTestFinished(() => holding.end())
  const { rows } = await holding.query<{ name: string }>(
    `SELECT c.oid::regclass::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p') AND n.nspname IN ('analyzer', 'cli', 'edge', 'normalizer', 'notifier', 'public', 'scheduler')
       AND c.oid <> ALL (ARRAY['edge.session', 'edge.api_key', '"user"']::regclass[])`,
  )
  await holding.query(`BEGIN; LOCK TABLE ${rows.map(({ name }) => name).join(', ')}`)
  // The others only ask, or want to know more before they read anything.
  const others: number[] = []
  let unavailable = 0
  for (const path of addressesOf('person', 'desk')) {
    const { status } = await edge.call(path, { headers: { cookie } })
    if (status === 503) expect(await expectUnavailable(path)).toContain('<nav aria-label="Main">')
    if (status === 503) unavailable++
    else others.push(status)
  }
  expect(unavailable).toBeGreaterThan(3 * others.length)
  expect(others.filter((status) => status !== 200 && status !== 422)).toEqual([])
})
