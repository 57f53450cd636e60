import { createReadStream, existsSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { createGunzip } from 'node:zlib'
import { expect, test } from 'vitest'
import { createInstallation } from '../harness/installation.ts'
import { waitFor } from '../harness/wait-for.ts'
import { type Fed, type Mapping, normalizerBench } from '../harness/normalizer/setup.ts'

const text = (SourceField: string): Mapping => ({ SourceField, DataType: 'text' })
const int = (SourceField: string): Mapping => ({ SourceField, DataType: 'int' })
const github: Mapping[] = [
  ...[text('name'), text('description'), { SourceField: 'url', DataType: 'link' }],
  {
    SourceField: 'repos',
    DataType: 'nested',
    NestedMappings: [
      ...[text('name'), { SourceField: 'description', DataType: 'paragraph' }, text('language')],
      ...['created_at', 'updated_at', 'pushed_at'].map((SourceField) => ({ SourceField, DataType: 'date' })),
      ...['html_url', 'clone_url', 'svn_url', 'homepage'].map((SourceField) => ({ SourceField, DataType: 'link' })),
      ...['size', 'watchers_count', 'open_issues_count', 'stars', 'forks'].map(int),
    ],
  },
  ...['size', 'watchers_count', 'open_issues_count', 'stars', 'forks'].map((name) => int(`aggregated_sum_${name}`)),
]

const historyFile = join(import.meta.dirname, '../../../shared/data/github-history.ndjson.gz')
type Snapshot = { observed_on: string; company: string; raw_data: object }

/** Real payloads where they are at hand, made ones else. */
async function history(count: number): Promise<Snapshot[]> {
  const snapshots: Snapshot[] = []
  if (existsSync(historyFile)) {
    const lines = createInterface({ input: createReadStream(historyFile).pipe(createGunzip()) })
    for await (const line of lines) if (snapshots.push(JSON.parse(line) as Snapshot) >= count) break
    return snapshots
  }
  console.log(`no real history in ${historyFile}: made payloads stand in`)
  return Array.from({ length: count }, (_, index) => ({
    observed_on: new Date(Date.UTC(2023, 5, 1 + index)).toISOString().slice(0, 10),
    company: `c${index % 20}`,
    raw_data: {
      name: `c${index % 20}`,
      url: 'u',
      repos: [{ name: 'r', html_url: 'h', stars: index, language: null }],
      aggregated_sum_stars: index,
    },
  }))
}

test(
  'the largest legal body is observed in parts that follow each other, and judged',
  { timeout: 900_000 },
  async () => {
    const installation = await createInstallation()
    const bench = normalizerBench(installation)
    const [service] = await Promise.all(['normalizer', 'analyzer'].map((name) => installation.start(name)))
    const [source, company] = [
      await bench.addSource([{ SourceField: 'repos', DataType: 'nested', NestedMappings: [text('name')] }]),
      await bench.addCompany(),
    ]
    const count = 198_000
    const repos = Array.from({ length: count }, (_, index) => ({
      name: `repository with number ${String(index).padStart(7, '0')}`,
    }))
    const payload = bench.payload(source, company, { repos })
    expect(payload.body.length).toBeGreaterThan(7.9 * 1024 * 1024)
    expect(payload.body.length).toBeLessThan(8 * 1024 * 1024)
    const small = bench.payload(source, company, { repos: [] })
    await bench.feed([payload])
    await bench.feed([small])

    const [sent = []] = await bench.observed([payload, small], 120_000)
    // A machine so busy that the consumer lost its partition sends all parts again.
    const parts = [...Map.groupBy(sent, ({ value }) => value.part).values()].map(([first]) => first!)
    expect(parts.map(({ value }) => value.part)).toEqual(parts.map((_, index) => index + 1))
    expect(new Set(parts.map(({ value }) => value.parts))).toEqual(new Set([parts.length]))
    expect(new Set(parts.map(({ partition }) => partition)).size).toBe(1)
    for (const { value, bytes } of parts) {
      expect(value.values.length).toBeLessThanOrEqual(5000)
      expect(bytes.length).toBeLessThanOrEqual(1024 * 1024)
    }
    expect(parts.flatMap(({ value }) => value.values.map(({ seq }) => seq))).toEqual(
      Array.from({ length: count }, (_, seq) => seq),
    )
    expect(await bench.counts(source)).toEqual({ processed_event: 2, value: count, series: 2, text: count })
    const countJudged = async () =>
      (
        await installation.database.query<{ series: number }>(
          'SELECT count(*)::int AS series FROM analyzer.series_state',
        )
      )[0]!.series
    for (let judged = 0; judged < count;)
      judged = await waitFor(
        `more than ${judged} values to be judged`,
        async () => {
          const now = await countJudged()
          return now > judged && now
        },
        120_000,
      )
    await waitFor('the analyzer to have judged all of it', async () => {
      const [status] = await installation.database.query(
        'SELECT stage FROM analyzer.event_status WHERE event_id = $1',
        [payload.event_id],
      )
      return status?.stage === 'judged'
    })
    expect(await countJudged()).toBe(count)
    expect(await service!.stop()).toBe(0)
  },
)

test('one value as large as a body, and a key as large, do no harm', async () => {
  const installation = await createInstallation()
  const bench = normalizerBench(installation)
  await installation.start('normalizer')
  const [source, company] = [await bench.addSource([text('a')]), await bench.addCompany()]
  const large = 'ä'.repeat(3 * 1024 * 1024)
  const payloads = [
    { a: large },
    { ['b'.repeat(5 * 1024 * 1024)]: 1 },
    { a: Array(90_000).fill('member') },
    { a: 'small' },
  ].map((data) => bench.payload(source, company, data))
  await bench.feed([payloads[0]!])
  await bench.feed([payloads[1]!])
  await bench.feed(payloads.slice(2))
  const observed = await bench.observed(payloads, 40_000)
  expect(observed.map(([record]) => record?.value.values.length)).toEqual([1, 0, 1, 1])
  expect(observed[0]?.[0]?.value.values[0]?.text).toMatch(/^ä{1000}… sha256:[0-9a-f]{64}$/)
  expect(observed[2]?.[0]?.value.values[0]?.members).toEqual(['member'])
  const stored = await installation.database.query(
    'SELECT length(value) AS length FROM measurement_text_value ORDER BY id',
  )
  expect(stored).toEqual([{ length: large.length }, { length: 2 + 90_000 * 9 - 1 }, { length: 5 }])
})

test('kill -9 in the middle of real payloads changes no final row', { timeout: 180_000 }, async () => {
  const installation = await createInstallation()
  const bench = normalizerBench(installation)
  const source = await bench.addSource(github)
  const companies = new Map<string, number>()
  const payloads: Fed[] = []
  for (const { company, observed_on, raw_data } of await history(400)) {
    const id = companies.get(company) ?? (await bench.addCompany())
    companies.set(company, id)
    payloads.push(bench.payload(source, id, raw_data, { observed_at: Date.parse(observed_on), history: true }))
  }
  const ledger = async () =>
    (
      await installation.database.query<{ payloads: number; stored: number; refused: number }>(
        'SELECT count(*)::int AS payloads, sum(stored)::int AS stored, sum(refused)::int AS refused FROM normalizer.processed_event',
      )
    )[0]!
  const env = { CONSUME_MAX_BATCH: '20', SESSION_TIMEOUT_MS: '6000' }
  const first = await installation.start('normalizer', env)
  await bench.feed(payloads)
  await waitFor('some payloads in the ledger', async () => (await ledger()).payloads > 0)
  await first.kill()
  const halfway = await ledger()
  expect(halfway.payloads).toBeLessThan(payloads.length)
  await installation.start('normalizer', env)
  await bench.observed(payloads, 90_000)

  const { payloads: processed, stored, refused } = await ledger()
  expect({ processed, refused }).toEqual({ processed: payloads.length, refused: 0 })
  expect(stored).toBeGreaterThan(payloads.length)
  const counts = await bench.counts(source)
  expect(counts.value).toBe(stored)
  const tables = ['int', 'float', 'text', 'paragraph', 'link', 'date'].map((name) => counts[name] ?? 0)
  expect(tables.reduce((sum, count) => sum + count)).toBe(stored)
  const [doubles] = await installation.database.query(
    'SELECT count(*)::int AS count FROM (SELECT FROM normalizer.value GROUP BY event_no, seq HAVING count(*) > 1) AS d',
  )
  expect(doubles).toEqual({ count: 0 })
})
