import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { type Answer, onlyRequestedRuns, startEdge, type TestEdge } from '../harness/edge/setup.ts'
import { type FactsModule, startFactsModule } from '../harness/facts-module.ts'
import { readModuleFacts } from '../harness/module-facts.ts'
import { hashFacts, publicFactsHash, readPublicFacts } from '../harness/public-facts.ts'
import { serve } from '../harness/serve.ts'
import { waitFor } from '../harness/wait-for.ts'
import { send } from './hostile/send.ts'
import { tokens } from './hostile/tokens.ts'

// What a drop-in replacement must do, point by point (contract section 18). Other files test each point further.

const [facts] = readModuleFacts()
if (!facts) throw new Error('there is no module')
const asked = facts.companies_request.companies ?? {}
/** Hours away from UTC, so that a local time shows. */
const zone = 'Asia/Kolkata'

let edge: TestEdge
let module: FactsModule
let source = 0
let token = ''
let affinity = 0
const companies = new Map<string, string>()

/** The response to a payload that was sent before the normalizer started. */
let first: Answer

beforeAll(async () => {
  const zoned = { TZ: zone, PGOPTIONS: `-c timezone=${zone}` }
  edge = await startEdge(zoned)
  await Promise.all([
    edge.start('scheduler', { ALLOWED_PRIVATE_NETWORKS: '127.0.0.0/8', ...onlyRequestedRuns, ...zoned }),
    edge.start('raw-sink', zoned),
  ])
  for (const id of Object.keys(asked)) companies.set(id, String(await edge.addCompany(`Company ${id}`)))
  module = await startFactsModule(facts, edge.url, companies)
  source = await edge.addSource(facts.source, module.endpoint)
  token = await edge.token(source)
  affinity = await edge.addSource('affinity')
  first = await edge.call('/feed-raw-data', payload(companies.get('1'), { name: 'first' }))
  await edge.start('normalizer', zoned)
})

const count = async (text: string, ...values: unknown[]) =>
  (await edge.database.query<{ n: number }>(`SELECT count(*)::int AS n FROM ${text}`, values))[0]?.n
const payload = (company_id: unknown, raw_data: object, source_name = facts.source) => ({
  token,
  body: { source_name, company_id, raw_data },
})

async function settled(task: number): Promise<{ attempts: number; status: string; result_summary: string }> {
  return waitFor(`task ${task} to be settled`, async () => {
    const [row] = await edge.database.query<{ attempts: number; status: string; result_summary: string }>(
      `SELECT t.attempts, t.status, t.result_summary FROM scheduled_task t JOIN scheduler.run r USING (task_id)
       WHERE t.task_id = $1 AND r.outcome IS NOT NULL`,
      [task],
    )
    return row
  })
}

test('1. an unchanged module initialises, discovers, crawls and finishes', async () => {
  expect(await edge.handshake(module.endpoint, source)).toMatchObject({
    status: 200,
    json: { frequency: facts.frequency },
  })
  await edge.database.query('UPDATE company_data_source SET is_data_source_active = false')
  const task = await edge.addTask(source)
  expect((await edge.call('/schedule')).status).toBe(200)
  expect(await settled(task)).toEqual({ attempts: 1, status: 'SUCCESS', result_summary: '{}' })
  const routes = module.received.map(({ route }) => route)
  expect(new Set(routes)).toEqual(new Set(['GET /initialize', 'POST /discover', 'POST /companies']))
  expect(module.sent.map(({ status }) => status)).toEqual(module.sent.map(() => 201))
  expect(module.sent.filter(({ path }) => path === '/feed-raw-data')).toHaveLength(facts.payloads.length)
  expect(module.sent.at(-1)?.path).toBe('/crawling-finished')
})

test('2. tokens are checked with the same statuses and bodies', async () => {
  const secret = (name: string) => edge.env[name] ?? ''
  const secrets = { shared: secret('PARMA_SHARED_SECRET_KEY'), analytics: secret('PARMA_ANALYTICS_SECRET_KEY') }
  const github = await edge.addSource('github')
  const place = { source: github, other: source, task: 0, secrets, authorization: '' }
  const cases = {
    ...{ 'no header': 401, 'bearer in small letters': 401, expired: 401, 'no sourcing_id': 400, 'expired inside': 401 },
    ...{ 'no sourcing_id inside': 400, 'sourcing_id 0 inside': 400, 'sourcing_id "abc" inside': 400 },
    ...{ 'sourcing_id as decimal text': 201, 'the bare token': 201 },
  }
  for (const [name, status] of Object.entries(cases)) {
    const row = tokens.find((one) => one.name === `token: ${name}`)
    if (!row) throw new Error(`there is no row ${name}`)
    const reply = await send(edge.url, row, place, 30_000)
    expect([name, reply.status]).toEqual([name, status])
    if (status !== 201) expect(reply.body).toBe(JSON.stringify({ detail: row.detail }))
  }
})

test('3. a measurement has its id in Postgres while the handshake is open, on one process', async () => {
  let found: unknown
  const endpoint = await serve(async (request, response) => {
    const id = Number(new URL(request.url ?? '', 'http://x').searchParams.get('source_id'))
    const { json } = await edge.call('/source-measurement', {
      token: request.headers.authorization ?? '',
      body: { type: 'int', measurement_name: 'stars', source_module_id: id },
    })
    found = await count('source_measurement WHERE id = $1 AND source_module_id = $2', json['id'], id)
    response.end(JSON.stringify({ frequency: 'daily', normalization_map: { Source: 'open', Mappings: [] } }))
  })
  expect((await edge.handshake(endpoint, await edge.addSource('open', endpoint))).status).toBe(200)
  expect(found).toBe(1)
})

test('4. a feed is answered with six members before anything is normalized, and its document appears', async () => {
  expect(first.status).toBe(201)
  const members = ['source_name', 'company_id', 'raw_data', 'timestamp', 'return_message', 'document_id']
  expect(Object.keys(first.json)).toEqual(members)
  const path = `parma/mining/datasource/${facts.source}/raw_data/${String(first.json['document_id'])}`
  const document = await waitFor('the document', async () => (await edge.firestore.client.doc(path).get()).data())
  const data = { name: 'first' }
  expect(document).toMatchObject({ mining_trigger: '', status: 'success', company_id: companies.get('1'), data })
})

test('5. company "1" is accepted, 1 is rejected, and the payload of an unknown company is kept, with the reason', async () => {
  expect((await edge.call('/feed-raw-data', payload(companies.get('1'), {}))).status).toBe(201)
  expect((await edge.call('/feed-raw-data', payload(1, {}))).status).toBe(422)
  const unknown = await edge.call('/feed-raw-data', payload('999999', { name: 'x' }))
  expect(unknown.status).toBe(201)
  const refused =
    'normalizer.processed_event JOIN normalizer.refused USING (event_no) WHERE event_id = $1 AND refused.reason = $2'
  await waitFor('the refusal', async () => (await count(refused, unknown.json['document_id'], 'unknown-company')) === 1)
})

test('6. a crawl finishes with {}, with null and with null descriptions, and the summary is the JSON of the predecessor', async () => {
  const failed = { '1': { error_type: 'CrawlingError', error_description: null } }
  const cases = [
    [{}, '{}'],
    [null, ''],
    [failed, '{"1": {"error_type": "CrawlingError", "error_description": null}}'],
  ] as const
  for (const [errors, summary] of cases) {
    const [task] = await edge.database.query<{ id: number }>(
      `INSERT INTO scheduled_task (data_source_id, schedule_type, status, attempts, started_at)
       VALUES ($1, 'ON_DEMAND', 'PROCESSING', 1, now() AT TIME ZONE 'UTC') RETURNING task_id AS id`,
      [source],
    )
    const body = { task_id: task?.id, errors }
    expect(await edge.call('/crawling-finished', { token, body })).toMatchObject({ status: 201, json: body })
    expect((await settled(task?.id ?? 0)).result_summary).toBe(summary)
  }
})

/** Affinity's module sends companies that do not exist yet. */
async function feedAffinity(name: string): Promise<number> {
  const body = { source_name: 'affinity', company_id: '291047732', raw_data: { id: 1, name, domain: 'x.example' } }
  const answer = await edge.call('/feed-raw-data', { token: await edge.token(affinity), body })
  expect(answer.status).toBe(201)
  return Number(answer.json['company_id'])
}

test('7. all times are UTC in milliseconds, and schema public is as parma-web made it', async () => {
  await feedAffinity('Dated Inc')
  const value = 'measurement_text_value'
  await waitFor('values', async () => ((await count(value)) ?? 0) > 0)
  const written = {
    source_measurement: ['created_at', 'modified_at'],
    [value]: ['created_at', 'modified_at', 'timestamp'],
    "(SELECT * FROM company WHERE name = 'Dated Inc') c": ['created_at', 'modified_at'],
    "(SELECT * FROM scheduled_task WHERE status = 'SUCCESS') t": ['started_at', 'ended_at'],
  }
  for (const [table, columns] of Object.entries(written))
    for (const column of columns) {
      const isNow = `(now() AT TIME ZONE 'UTC' - ${column}) BETWEEN interval '-1 minute' AND interval '1 hour'`
      expect([table, column, await count(`${table} WHERE (${isNow}) IS NOT TRUE`)]).toEqual([table, column, 0])
      expect(await count(table)).toBeGreaterThan(0)
    }
  expect(hashFacts(await readPublicFacts(edge.database))).toBe(publicFactsHash)
})

test('8. companies and sources are added and linked with the triggers of parma-web and without', async () => {
  for (const state of ['ENABLE', 'DISABLE']) {
    for (const table of ['company', 'data_source'])
      await edge.database.query(`ALTER TABLE ${table} ${state} TRIGGER USER`)
    const company = await feedAffinity(`${state} Inc`)
    const added = await edge.parma(
      'sources',
      'add',
      '--name',
      `${state.toLowerCase()}d`,
      '--endpoint',
      'http://127.0.0.1:1',
      '--frequency',
      'daily',
      '--all-companies',
      '--json',
    )
    const { id } = JSON.parse(added) as { id: number }
    expect([state, await count('company_data_source WHERE company_id = $1', company)]).toEqual([
      ...[state, await count('data_source')],
    ])
    expect([state, await count('company_data_source WHERE data_source_id = $1', id)]).toEqual([
      ...[state, await count('company')],
    ])
  }
  for (const table of ['company', 'data_source']) await edge.database.query(`ALTER TABLE ${table} ENABLE TRIGGER USER`)
})

test('9. maps are read as Python writes them, and nothing in them is executed', async () => {
  const file = join(tmpdir(), `parma-${edge.database.name}`)
  const maps: [string, number][] = [
    [
      `{'Source': 'py', 'Mappings': [], 'a': "it's", 'b': 'x\\'y"\\n\\x41\\u00e9\\U0001f600', 'c': (True, None, 1.5)}`,
      200,
    ],
    [`__import__('os').system('touch ${file}')`, 502],
    [`{'Source': 'py', 'Mappings': [], 'a': require('fs').writeFileSync('${file}', '')}`, 502],
    [`{'Source': 'py', 'Mappings': [x for x in ()]}`, 502],
  ]
  let map = ''
  const endpoint = await serve(
    (_, response) => void response.end(JSON.stringify(JSON.stringify({ frequency: 'daily', normalization_map: map }))),
  )
  const py = await edge.addSource('py', endpoint)
  for (const [text, status] of maps) {
    map = text
    expect([text, (await edge.handshake(endpoint, py)).status]).toEqual([text, status])
  }
  const [{ content } = { content: '' }] = await edge.database.query<{ content: string }>(
    'SELECT content FROM edge.normalization_map WHERE data_source_id = $1',
    [py],
  )
  expect(JSON.parse(content)).toEqual({ Source: 'py', Mappings: [], a: "it's", b: 'x\'y"\nAé😀', c: [true, null, 1.5] })
  expect(existsSync(file)).toBe(false)
})

test('10. a nested field has a series, and no value', async () => {
  const series = () =>
    edge.database.query<{ name: string }>(
      `SELECT DISTINCT measurement_name AS name FROM company_source_measurement s JOIN source_measurement m ON m.id = s.source_measurement_id
       WHERE m.type = 'nested' AND m.source_module_id = $1 ORDER BY name`,
      [source],
    )
  const nested = facts.registration_order.filter(({ type }) => type === 'nested').map((row) => row.measurement_name)
  await waitFor('the series', async () => (await series()).length >= nested.length)
  expect((await series()).map(({ name }) => name)).toEqual(nested.toSorted())
  expect(await count('measurement_nested_value')).toBe(0)
})

test('11. a linked company is crawled, whatever the flag on its link', async () => {
  const crawl = module.received.find(({ route }) => route === 'POST /companies')
  // Before that run all flags were removed.
  const { companies: crawled } = JSON.parse(crawl?.body ?? '{}') as { companies: object }
  expect(Object.keys(crawled).sort()).toEqual([...companies.values()].sort())
})

test('12. /schedule may be called any number of times: an attempt is counted once', async () => {
  module.received.length = 0
  const task = await edge.addTask(source)
  const calls = await Promise.all(Array.from({ length: 20 }, () => edge.call('/schedule')))
  expect(calls.map(({ status }) => status)).toEqual(Array(20).fill(200))
  expect((await settled(task)).attempts).toBe(1)
  expect(module.received.filter(({ route }) => route === 'POST /companies')).toHaveLength(1)
})
