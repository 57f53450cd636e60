import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, expect, test } from 'vitest'
import { allTopics } from '#schemas/topics.ts'
import { onCleanup } from '../harness/cleanup.ts'
import { type InstalledNormalizer, installNormalizer, type Mapping, type Source } from '../harness/normalizer/setup.ts'
import type { StartedService } from '../harness/service.ts'
import { waitFor } from '../harness/wait-for.ts'

const mappings: Mapping[] = [
  { SourceField: 'url', DataType: 'link' },
  { SourceField: 'stars', DataType: 'int', MeasurementName: 'stars' },
  { SourceField: 'plan', DataType: 'text', MeasurementName: 'plan' },
  {
    SourceField: 'repos',
    DataType: 'nested',
    NestedMappings: [
      { SourceField: 'name', DataType: 'text' },
      { SourceField: 'forks', DataType: 'int' },
    ],
  },
]
const url = 'https://x'

let bench: InstalledNormalizer
let source: Source
let company: number
let folder: string
let analyzer: StartedService
beforeAll(async () => {
  bench = await installNormalizer()
  analyzer = await bench.installation.start('analyzer', { RULES_MAX_AGE_MS: '200' })
  folder = mkdtempSync(join(tmpdir(), 'understand-'))
  onCleanup(() => rmSync(folder, { recursive: true }))
  source = await bench.addSource(mappings)
  company = await bench.addCompany()
  await query(
    `INSERT INTO edge.normalization_map (data_source_id, version, content_hash, content, received_at, published_at)
     VALUES ($1, 1, 'h', $2, now(), now())`,
    [source.id, JSON.stringify({ Source: source.name, Mappings: source.mappings })],
  )
  const fed = [10, 11, 12].map((stars) => bench.payload(source, company, data(stars, 'free', ['a', 'b'])))
  await bench.feed(fed)
  await waitFor('the payloads to be judged', async () => {
    const rows = await query('SELECT FROM analyzer.processed_event WHERE event_id = ANY($1)', [
      fed.map(({ event_id }) => event_id),
    ])
    return rows.length === fed.length
  })
})

const query = <T extends object>(text: string, values: unknown[] = []) =>
  bench.installation.database.query<T>(text, values)

const data = (stars: unknown, plan: string, repos: string[]) => ({
  ...{ url, stars, plan },
  repos: repos.map((name, n) => ({ name, forks: n })),
})

type Report = {
  map_version: number | null
  payloads: {
    company_id: string | null
    subject_key: string | null
    refused_as_a_whole: { reason: string } | null
    counts: Record<string, number>
    stored: { path: string; item: string | null; value: unknown }[]
    refused: { path: string; reason: string; remedy: string }[]
    lists: { path: string; known_by: string | null; items: { key: string }[] }[]
    news: { kind: string; title: string; silent: boolean }[] | null
  }[]
}

const write = (content: string) => {
  const file = join(folder, 'payload.json')
  writeFileSync(file, content)
  return file
}

async function understand(content: string, ...more: string[]): Promise<Report> {
  const printed = await bench.installation.parma(
    ...['understand', write(content), '--source', source.name, '--json'],
    ...more,
  )
  return JSON.parse(printed) as Report
}

/** Rows of all tables, and the ends of all topics. */
async function countEverything() {
  const tables = await query<{ name: string }>(
    `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
     WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1`,
  )
  const counts = await Promise.all(
    tables.map(async ({ name }) => [name, (await query(`SELECT count(*)::int AS n FROM ${name}`))[0]]),
  )
  const records = await Promise.all(
    allTopics.map(async ({ name }) => [name, (await bench.installation.topics.read(name)).length]),
  )
  return Object.fromEntries([...counts, ...records]) as Record<string, unknown>
}

test('says what the services then do: values, refusals, items, news items', async () => {
  const next = data(900, 'enterprise', ['b', 'c', 'd'])
  const body = JSON.stringify({ ...next, stars: 900, extra: 1 })
  const { map_version, payloads } = await understand(body, '--company', String(company))
  expect(map_version).toBe(1)
  const [tried] = payloads
  expect(tried).toMatchObject({ company_id: String(company), subject_key: url, refused_as_a_whole: null })
  expect(tried!.counts).toEqual({ leaves: 10, stored: 9, null: 0, unmapped: 1, refused: 0 })
  expect(tried!.lists).toEqual([expect.objectContaining({ path: 'repos[]', known_by: 'name' })])

  const payload = bench.payload(source, company, body)
  await bench.feed([payload])
  const stored = await waitFor('the payload to be judged', async () => {
    const [row] = await query('SELECT FROM analyzer.processed_event WHERE event_id = $1', [payload.event_id])
    return row
      ? query<{ path: string; item_key: string | null }>(
          'SELECT path, item_key FROM normalizer.value JOIN normalizer.processed_event USING (event_no) WHERE event_id = $1 ORDER BY seq',
          [payload.event_id],
        )
      : null
  })
  expect(tried!.stored.map(({ path, item }) => ({ path, item_key: item }))).toEqual(stored)
  const news = await query(
    'SELECT kind, title, message, severity, silent FROM analyzer.news WHERE event_id = $1 ORDER BY group_index',
    [payload.event_id],
  )
  expect(news.length).toBeGreaterThan(0)
  expect(tried!.news).toEqual(news)
})

test('several payloads are taken in their order', async () => {
  const other = await bench.addCompany()
  const steps = [10, 11, 10, 5000].map((stars) => data(stars, 'free', ['a']))
  const { payloads } = await understand(JSON.stringify(steps), '--company', String(other))
  expect(payloads.map(({ news }) => news?.length)).toEqual([0, 0, 0, 1])
})

test('with a map of a file no database is needed, and numbers keep their digits', async () => {
  const map = join(folder, 'map.json')
  writeFileSync(map, JSON.stringify({ Source: 's', Mappings: source.mappings }))
  const file = write('{"stars":12345678901234567890,"repos":[{"name":"a"}]}')
  const parma = join(import.meta.dirname, '../../services/cli/main.ts')
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [parma, 'understand', file, '--source', 's', '--map', map, '--json'],
    { env: { PATH: process.env.PATH, PARMA_STACK_ENV: '/dev/null' } },
  )
  const { payloads } = JSON.parse(stdout) as Report
  expect(payloads[0]).toMatchObject({ refused_as_a_whole: null, news: null, counts: { stored: 2 } })
  expect(payloads[0]!.stored[0]).toMatchObject({ path: 'stars', value: '12345678901234567890' })
})

test.each([
  [['understand', '/nowhere', '--source', 'x'], '/nowhere cannot be read'],
  [['understand', '/dev/null', '--source', 'nobody'], 'There is no source "nobody"'],
])('%j fails: %s', async (args, message) => {
  await expect(bench.installation.parma(...args)).rejects.toThrow(message)
})

test('a source without a map refuses its payloads, with the remedy', async () => {
  const bare = await bench.addSource(mappings, null)
  const printed = await bench.installation.parma(
    ...['understand', write('{}'), '--source', bare.name, '--company', String(company)],
  )
  expect(printed).toContain('Refused as a whole (no-map)')
  expect(printed).toContain('Do the handshake with the module.')
})

test('writes nothing, whatever comes', async () => {
  const other = await bench.addCompany()
  // Its loops write of their own accord.
  await analyzer.stop()
  const before = await countEverything()
  const lines = [
    { company_id: String(company), source_name: source.name, raw_data: data('many', 'b', ['x']) },
    { company_id: String(other), source_name: source.name, raw_data: data(5, 'c', ['y']) },
    { company_id: '999999', source_name: source.name, raw_data: data(5, 'c', []) },
    { company_id: 7, source_name: source.name, raw_data: {} },
    { company_id: String(company), source_name: 'other', raw_data: {} },
    data(1, 'd', []),
    // A month without a partition.
    { company_id: String(company), observed_at: '2003-02-01', raw_data: data(2, 'e', []) },
  ]
  const { payloads } = await understand(`${lines.map((line) => JSON.stringify(line)).join('\n')}\n{"a`)
  expect(payloads.map(({ refused_as_a_whole: whole }) => whole?.reason ?? null)).toEqual([
    ...[null, null, 'unknown-company', 'not-accepted', 'not-accepted', null, null, 'unparsable'],
  ])
  expect(payloads[0]!.refused).toEqual([
    expect.objectContaining({ path: 'stars', reason: 'not-a-number', remedy: expect.stringMatching(/\.$/) }),
  ])
  // First values make no news; payloads without a company are not compared.
  expect(payloads.map(({ news }) => news && news.length)).toEqual([
    expect.any(Number),
    0,
    null,
    null,
    null,
    null,
    0,
    null,
  ])
  expect(await countEverything()).toEqual(before)
})
