import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import fc from 'fast-check'
import pg from 'pg'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { createCodec } from '../../schemas/codec.ts'
import { createRegistry } from '../../schemas/registry.ts'
import { topics } from '../../schemas/topics.ts'
import type { RuleRow } from '../../services/analyzer/backtest/asked-rules.ts'
import { askAll, askRule } from '../../services/analyzer/backtest/criteria.ts'
import { requireHistories } from '../../services/analyzer/backtest/histories.ts'
import { type BacktestNews, runBacktest } from '../../services/analyzer/backtest/run-backtest.ts'
import { commands } from '../../services/analyzer/commands.ts'
import { commandSettings } from '../../services/analyzer/config.ts'
import { runParallel } from '../../services/analyzer/parallel/run-parallel.ts'
import { findTried, tryOnSeries } from '../../services/analyzer/rule-trial/try-on-series.ts'
import { makeChange } from '../../services/runtime/changes/change-record.ts'
import type { PayloadInput } from '../../services/runtime/changes/kinds.ts'
import type { Actor } from '../../services/runtime/changes/roles.ts'
import { openPool } from '../../services/runtime/postgres/database.ts'
import { readEnv } from '../../services/runtime/process/config.ts'
import { generateHistory, readHistory } from '../harness/github.ts'
import { type Fed, installNormalizer, type InstalledNormalizer, type Mapping } from '../harness/normalizer/setup.ts'
import { runCommand } from '../harness/run-command.ts'
import type { StartedService } from '../harness/service.ts'
import { waitFor } from '../harness/wait-for.ts'

const dayMs = 86_400_000
const companyCount = 3
let bench: InstalledNormalizer
let companies: number[]
let fed: Fed[]
let analyzer: StartedService
/** The last payload of the first company again, with other numbers. */
let next: Fed

type Row = Record<string, unknown>
const query = (text: string, values: unknown[] = []) => bench.installation.database.query<Row>(text, values)
const parma = (...args: string[]) => bench.installation.parma(...args)

/** Weeks of github payloads, with a late one, a replay, a list that is empty twice, and one that comes back. */
beforeAll(async () => {
  bench = await installNormalizer()
  analyzer = await bench.installation.start('analyzer', { RULES_MAX_AGE_MS: '0' })
  const { map, payloads } = readHistory(companyCount, 40) ?? generateHistory(companyCount, 40)
  const source = await bench.addSource(map.Mappings as Mapping[], null)
  // The first version does not know the last measurement, which a replay adds.
  await bench.publishMap({ ...source, mappings: source.mappings.slice(0, -1) }, 1)
  await bench.publishMap(source, 2)
  companies = (await Promise.all(Array.from({ length: companyCount }, () => bench.addCompany()))).sort((a, b) => a - b)
  await parma(
    'rules',
    'add',
    '--name',
    'size',
    '--percent',
    '3',
    '--window',
    'avg',
    '--runs',
    '4',
    '--company',
    String(companies[0]),
    '--by',
    'me',
  )

  const start = Date.parse('2024-01-01')
  const week = (index: number) => start + Math.floor(index / companyCount) * 7 * dayMs
  fed = payloads.map(({ company, rawData }, index) => {
    const data = company === 1 && [60, 61, 62, 63, 64, 65].includes(index) ? { ...rawData, repos: [] } : rawData
    const first = index < companyCount ? 1 : 2
    return bench.payload(source, companies[company]!, data, {
      ...{ observed_at: week(index), history: true, map_version: first },
    })
  })
  const { rawData } = payloads.findLast(({ company }) => company === 0)!
  const repos = (rawData.repos as { stars: number }[]).map((repo) => ({ ...repo, stars: 3 * repo.stars + 10_000 }))
  next = bench.payload(
    source,
    companies[0]!,
    { ...rawData, repos },
    { observed_at: week(payloads.length), map_version: 2 },
  )
  const late = fed.slice(30, 36).map((one) => ({
    ...one,
    ...{ event_id: randomUUID(), observed_at: one.observed_at! + dayMs },
  }))
  fed.push(...late)
  const replays = fed.slice(0, companyCount).map((one) => ({
    ...one,
    replay: { replay_id: randomUUID(), reason: 'newer map', map_version: 2 },
  }))
  await bench.feed(fed)
  await judged(fed)
  await bench.feed(replays)
  await judged(replays)
}, 240_000)

/** Resolves when the analyzer has judged these payloads. */
async function judged(payloads: readonly Fed[]): Promise<void> {
  await bench.settled([...payloads], 120_000)
  await waitFor(
    `${payloads.length} payloads to be judged`,
    async () => {
      const rows = await query('SELECT event_id, replay_id FROM analyzer.processed_event')
      const known = new Set(rows.map((row) => `${row.event_id as string}/${row.replay_id as string}`))
      return payloads.every(({ event_id, replay }) => known.has(`${event_id}/${replay?.replay_id ?? ''}`))
    },
    120_000,
  )
}

const states = async () => ({
  series: await query(`
    SELECT company_measurement_id, subject_key, item_key, event_no, observed_at::text, state::text
    FROM analyzer.series_state ORDER BY 1, 2, 3`),
  subjects: await query(`
    SELECT company_id, data_source_id, subject_key, event_no, observed_at::text, map_version, lists::text
    FROM analyzer.subject_state ORDER BY 1, 2, 3`),
})

const compared = [
  ...['news_id', 'kind', 'company_id', 'data_source_id', 'source_measurement_id', 'company_measurement_id'],
  ...['subject_key', 'item_key', 'path', 'seq', 'title', 'trigger_factor', 'previous', 'current', 'rule_id'],
  ...['rule_version', 'observed_at', 'group_index', 'group_size', 'dedupe_key'],
]
const onlyCompared = (row: Row) => Object.fromEntries(compared.map((name) => [name, row[name]]))

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'analyzer-backtest-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return folder
}

const readLines = (file: string) =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Row)

test('a backtest makes the news items that the same history made live', async () => {
  const live = await query(`
    SELECT *, to_char(observed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS observed_at
    FROM analyzer.news ORDER BY company_id, news_id`)
  expect(live.length).toBeGreaterThan(5)
  expect(live.filter(({ silent }) => !silent)).toEqual([])
  const file = join(makeFolder(), 'news.ndjson')
  const summary = JSON.parse(await parma('backtest', '--in-force', '--output', file, '--json')) as Row
  const news = readLines(file)
  const byId = (a: Row, b: Row) =>
    Number(a.company_id) - Number(b.company_id) || (String(a.news_id) < String(b.news_id) ? -1 : 1)
  expect(news.sort(byId).map(onlyCompared)).toEqual(live.map(onlyCompared))
  // What came late or was replayed stays silent; history does not.
  expect(news.some(({ silent }) => !silent)).toBe(true)
  expect(summary).toMatchObject({ news: live.length, companies: companyCount, output: file })

  const [from, to] = ['2024-03-01', '2024-06-01']
  await parma('backtest', '--in-force', '--output', file, '--from', from, '--to', to, '--company', String(companies[0]))
  const within = (row: Row) =>
    row.company_id === companies[0] && String(row.observed_at) >= from && String(row.observed_at) < to
  expect(readLines(file).sort(byId).map(onlyCompared)).toEqual(live.filter(within).map(onlyCompared))
}, 60_000)

test('several threads make the same news items in the same order', async () => {
  const config = readEnv(commandSettings, bench.installation.env)
  const database = await openPool(config)
  onTestFinished(() => database.end())
  const { basis, criteria, ...selected } = await askAll(config, database)
  const selection = { ...selected, sources: null }
  const period = { from: 0, to: Date.now() }
  const histories = await requireHistories(database, selection, period)
  const news = { one: [] as BacktestNews[], several: [] as BacktestNews[] }
  const listen = (to: BacktestNews[]) => ({
    onNews: async (some: readonly BacktestNews[]) => void to.push(...some),
    onProgress: () => undefined,
  })
  const one = await runBacktest(config, database, selection, period, histories, criteria, listen(news.one))
  const several = await runParallel({ config, basis, selection, period }, histories, 2, listen(news.several))
  expect(news.one.length).toBeGreaterThan(5)
  expect(news.several).toEqual(news.one)
  expect(several).toEqual(one)

  const wrong = { ...config, DATABASE_URL: 'postgres://nobody@127.0.0.1:1/nothing' }
  const failing = runParallel({ config: wrong, basis, selection, period }, histories, 2, listen([]))
  await expect(failing).rejects.toThrow(/127\.0\.0\.1:1 does not answer/)
}, 60_000)

test('a rule is tried alone, before it is added', async () => {
  const file = join(makeFolder(), 'news.ndjson')
  await parma('backtest', '--rule', 'rule/1', '--output', file)
  const live = await query(`SELECT news_id FROM analyzer.news WHERE rule_id = 'rule/1'`)
  expect(live.length).toBeGreaterThan(0)
  expect(readLines(file).map((row) => row.rule_id)).toEqual(live.map(() => 'rule/1'))
}, 60_000)

describe('a rule tried on one series', () => {
  type Series = { company_measurement_id: number; subject_key: string; item_key: string | null; company_id: number } & {
    data_source_id: number
    measurement_name: string
  }
  const operator: Actor = { name: 'key:test', role: 'operator' }

  async function send(...changes: ReturnType<typeof makeChange>[]): Promise<void> {
    const { env, topics: own } = bench.installation
    const codec = createCodec(createRegistry(env.SCHEMA_REGISTRY_URL ?? ''))
    const name = own.prefix + topics.changes.name
    const encoded = await Promise.all(
      changes.map(async ({ key, value }) => ({ key, value: await codec.encode(topics.changes, name, value) })),
    )
    await own.produce(topics.changes.name, encoded)
  }
  const outcomeOf = (id: string) =>
    waitFor(`the outcome of ${id}`, async () => {
      const [row] = await query('SELECT state, message FROM analyzer.change_view WHERE change_id = $1', [id])
      return row
    })
  const nameOf = ({ company_measurement_id, subject_key, item_key }: Series) => ({
    ...{ company_measurement: company_measurement_id, subject: subject_key, item: item_key },
  })
  type Rule = Pick<PayloadInput<'analyzer.rule.try'>, 'condition' | 'direction' | 'threshold'>
  const asking = (series: Series, rule: Rule) =>
    makeChange(operator, 'analyzer.rule.try', { ...nameOf(series), ...rule }, Date.now())

  /** Series of numbers of all kinds: of companies and of list items, with late values and with one that a replay brought. */
  const someSeries = (count: number) =>
    query(
      `SELECT company_measurement_id, subject_key, item_key, company_id, data_source_id, measurement_name
       FROM analyzer.series_view WHERE type IN ('int', 'float') ORDER BY item_key IS NULL, md5(item_key), 1 LIMIT $1`,
      [count],
    ) as Promise<unknown> as Promise<Series[]>

  async function backtest(config: ReturnType<typeof readJudging>, series: Series, rule: RuleRow) {
    const database = await openPool(config)
    onTestFinished(() => database.end())
    const { criteria, ...needed } = await askRule(config, database, rule)
    const selection = { ...needed, sources: null }
    const period = { from: 0, to: Date.now() }
    const news: BacktestNews[] = []
    const histories = await requireHistories(database, selection, period)
    await runBacktest(config, database, selection, period, histories, criteria, {
      onNews: async (some) => void news.push(...some),
      onProgress: () => undefined,
    })
    return news.filter(
      (one) =>
        one.company_measurement_id === series.company_measurement_id &&
        one.subject_key === series.subject_key &&
        one.item_key === series.item_key,
    )
  }
  const readJudging = () => readEnv(commandSettings, bench.installation.env)
  const definitionOf = ({ company_id, data_source_id, measurement_name }: Series, when: object): RuleRow => ({
    ...{ rule_id: 'rule/new', version: 1, bucketCompanies: [] },
    definition: {
      ...{ name: 'tried', when },
      scope: { companies: [company_id], sources: [data_source_id], measurement: measurement_name },
    },
  })

  test('tells what a backtest by this rule tells', async () => {
    const all = [...(await someSeries(8)), ...(await someSeries(1000)).slice(-8)]
    const rules = fc.sample(
      fc.oneof(
        fc.record({
          condition: fc.constantFrom('percent' as const, 'absolute' as const),
          direction: fc.constantFrom('up' as const, 'down' as const, 'both' as const),
          threshold: fc.constantFrom(0.1, 0.5, 1, 2, 5, 20),
        }),
        fc.record({
          condition: fc.constantFrom('above' as const, 'below' as const),
          threshold: fc.integer({ min: 1, max: 400 }),
        }),
      ),
      { numRuns: all.length, seed: 17 },
    )
    const changes = all.map((series, at) => asking(series, rules[at]!))
    await send(...changes)
    const counts = { told: 0, silent: 0 }
    for (const [at, { value }] of changes.entries()) {
      const { condition, threshold, ...direction } = rules[at]!
      const when =
        condition === 'above' || condition === 'below'
          ? { kind: condition, level: threshold }
          : { kind: condition, by: threshold, ...direction }
      const expected = await backtest(readJudging(), all[at]!, definitionOf(all[at]!, when))
      const told = expected.filter(({ silent }) => !silent).sort((a, b) => a.observed_at - b.observed_at)
      counts.told += told.length
      counts.silent += expected.length - told.length
      expect(await outcomeOf(value.event_id)).toMatchObject({ state: 'done' })
      const [trial] = await query('SELECT * FROM analyzer.rule_trial_view WHERE change_id = $1', [value.event_id])
      expect(trial).toMatchObject({
        ...{ told: told.length, silent: expected.length - told.length, condition, threshold, cut_at: null },
        news: told.slice(-200).map(({ observed_at, title }) => ({ at: observed_at, title })),
      })
    }
    expect(counts.told).toBeGreaterThan(50)
    expect(counts.silent).toBeGreaterThan(0)
    expect(await query(`SELECT FROM analyzer.audit WHERE kind = 'analyzer.rule.try'`)).toEqual([])
  }, 120_000)

  test('is tried once, and what cannot be tried is refused', async () => {
    const [series] = (await someSeries(1)) as [Series]
    const rule = { condition: 'percent' as const, threshold: 5 }
    const change = asking(series, rule)
    await send(change, change)
    const unknown = { ...series, company_measurement_id: 2_000_000_000 }
    const refused = asking(unknown, rule)
    const senseless = asking(series, { condition: 'absolute', threshold: 0 })
    await send(refused, senseless, change)
    expect(await outcomeOf(change.value.event_id)).toMatchObject({ state: 'done' })
    expect(await outcomeOf(refused.value.event_id)).toMatchObject({
      state: 'refused',
      message: expect.stringMatching(/does not exist/) as string,
    })
    expect(await outcomeOf(senseless.value.event_id)).toMatchObject({
      state: 'refused',
      message: expect.stringMatching(/No rule has/) as string,
    })
    expect(await query('SELECT FROM analyzer.rule_trial WHERE change_id = $1', [change.value.event_id])).toHaveLength(1)
  })

  test('judges the newest payloads only, and for a short time only', async () => {
    const [series] = (await someSeries(1)) as [Series]
    const config = readJudging()
    const database = await openPool(config)
    onTestFinished(() => database.end())
    const name = nameOf(series)
    const run = (bounds: Parameters<typeof tryOnSeries>[5]) =>
      database.transaction(async (tx) => {
        const tried = await findTried(tx, name)
        const rule = definitionOf(series, { kind: 'percent', by: 0 })
        return tryOnSeries(config, tx, name, tried, { kind: 'rule', row: rule }, bounds)
      })
    const whole = await run({ most: 10_000, withinMs: 10_000 })
    const cut = await run({ most: 5, withinMs: 10_000 })
    expect([whole.cutAt, cut.payloads, cut.newestNo]).toEqual([null, 5, whole.newestNo])
    expect(cut.cutAt).toBeGreaterThan(0)
    expect(cut.news.length).toBeLessThan(whole.news.length)
    await expect(run({ most: 5, withinMs: 0 })).rejects.toThrow(/too many values/)
  })
})

test('one command shows who would have got which messages, and sends none', async () => {
  const [company] = companies as [number, ...number[]]
  await query(
    `WITH person AS (
       INSERT INTO "user" (auth_id, name, modified_at) VALUES ($2, 'Ann', now()) RETURNING id
     ), channel AS (
       INSERT INTO notification_channel (channel_type, destination, modified_at)
       VALUES ('EMAIL', 'ann@example.com', now()) RETURNING id
     ), subscription AS (
       INSERT INTO notification_subscription (user_id, channel_id, channel_purpose, modified_at)
       SELECT person.id, channel.id, 'NOTIFICATION', now() FROM person, channel
     )
     INSERT INTO company_subscription (user_id, company_id, modified_at) SELECT id, $1, now() FROM person`,
    [company, randomUUID()],
  )
  const printed = await parma('backtest', '--in-force', '--company', String(company), '--try-audience', '--json')
  const report = JSON.parse(printed) as { news: number; messages: number; people: Row[]; list: Row[] }
  const counted = { messages: report.messages, news: expect.any(Number) as number }
  expect(report.people).toEqual([{ person: 'Ann', at: 'EMAIL ann@example.com', ...counted }])
  expect(report.messages).toBeGreaterThan(1)
  expect(report.list).toHaveLength(report.messages)
  expect(await query('SELECT FROM notifier.notification')).toEqual([])
}, 60_000)

test.each([
  ['with a file', (folder: string) => ['--output', join(folder, 'news.ndjson')]],
  ['that tries the audience', () => ['--try-audience']],
])('a backtest %s that is cancelled leaves nothing behind', { timeout: 60_000 }, async (_, options) => {
  const folder = makeFolder()
  // It opens its file, then it reads names.
  const client = new pg.Client({ connectionString: bench.installation.database.url })
  onTestFinished(() => client.end())
  await client.connect()
  await client.query('BEGIN')
  await client.query('LOCK TABLE public.company')
  const args = [resolve('services/analyzer/commands.ts'), 'backtest', '--in-force', ...options(folder)]
  const env = { ...bench.installation.env, TMPDIR: folder }
  const command = spawn(process.execPath, args, { env, stdio: 'ignore' })
  const ended = once(command, 'exit')
  const files = () => readdirSync(folder, { recursive: true }).filter((name) => String(name).includes('news.ndjson'))
  await waitFor('the file', () => files().length > 0)
  command.kill('SIGINT')
  expect(await ended).toEqual([null, 'SIGINT'])
  expect(readdirSync(folder)).toEqual([])
})

test('a rejudge makes the states that live judging made, and stores no news', async () => {
  const before = await states()
  const news = await query('SELECT count(*) FROM analyzer.news')
  await query('DELETE FROM analyzer.series_state')
  await query('DELETE FROM analyzer.subject_state')
  const dry = JSON.parse(await parma('rejudge', '--dry-run', '--json')) as Row
  expect(await query('SELECT FROM analyzer.series_state')).toEqual([])
  expect(JSON.parse(await parma('rejudge', '--from', '2024-02-01', '--json'))).toMatchObject({ rebuilt: true })
  expect(await states()).toEqual(before)
  expect(await query(`SELECT after ->> 'from' AS "from" FROM analyzer.audit WHERE kind = 'analyzer.rejudge'`)).toEqual([
    { from: '2024-02-01' },
  ])
  expect(await query('SELECT count(*) FROM analyzer.news')).toEqual(news)
  expect(dry).toMatchObject({ rebuilt: false, companies: companyCount })
}, 60_000)

test('a killed rejudge goes on where it stopped', async () => {
  const before = await states()
  await query('DELETE FROM analyzer.series_state')
  await query('DELETE FROM analyzer.subject_state')
  // As a batch of the live analyzer does for its companies.
  const client = new pg.Client({ connectionString: bench.installation.database.url })
  await client.connect()
  await client.query('BEGIN')
  await client.query(`SELECT pg_advisory_xact_lock_shared(hashtextextended('analyzer.states', $1))`, [
    companies[1]! % 64,
  ])
  const first = spawn(process.execPath, [resolve('services/analyzer/commands.ts'), 'rejudge'], {
    env: { ...bench.installation.env },
    stdio: 'ignore',
  })
  await waitFor('the states of the first company', async () => {
    const [row] = await query('SELECT last_company FROM analyzer.rejudge WHERE finished_at IS NULL')
    return row?.last_company === companies[0]
  })
  first.kill('SIGKILL')
  await once(first, 'exit')
  await client.end()
  const [rebuilt] = await query('SELECT xmin::text FROM analyzer.series_state LIMIT 1')
  await parma('rejudge')
  expect(await states()).toEqual(before)
  expect(await query('SELECT DISTINCT xmin::text FROM analyzer.series_state')).toContainEqual(rebuilt)
  expect(await query('SELECT FROM analyzer.rejudge WHERE finished_at IS NULL')).toEqual([])
}, 60_000)

test('what is withheld or was dropped is left out, and what is released meanwhile is judged in its order', async () => {
  const [company] = companies as [number, ...number[]]
  // The last week of the company, but for late payloads.
  const { event_id, observed_at } = fed.findLast(
    (one, index) => one.company_id === String(company) && index < fed.length - 6,
  )!
  const at = new Date(observed_at!)
  const ofWeek = () =>
    query(
      `SELECT item_key FROM analyzer.series_state s JOIN public.company_source_measurement m USING (company_measurement_id)
       WHERE m.company_id = $1 AND s.observed_at = $2`,
      [company, at],
    )
  const forget = async () => {
    await query('DELETE FROM analyzer.series_state')
    await query('DELETE FROM analyzer.subject_state')
  }
  const rebuild = async () => {
    await forget()
    await parma('rejudge')
  }
  const movedAt = async () => {
    const [row] = await query(`SELECT movement ->> 'movedAt' AS at FROM analyzer.feed WHERE company_id = $1`, [company])
    return Number(row?.at ?? NaN)
  }
  const forecasts = () =>
    query(
      `SELECT FROM analyzer.forecast JOIN public.company_source_measurement m USING (company_measurement_id)
       WHERE m.company_id = $1 AND made_at = $2`,
      [company, at],
    )
  // What was measured of a feed stays known: it begins anew.
  const lookAgain = () =>
    query(
      `WITH feed AS (UPDATE analyzer.feed SET movement = NULL WHERE company_id = $1 RETURNING *)
       INSERT INTO analyzer.feed_due (data_source_id, company_id, observed_at, live, is_changed)
       SELECT data_source_id, company_id, observed_at, live, true FROM feed`,
      [company],
    )
  const settle = (isDropped: boolean) =>
    query('UPDATE analyzer.withheld_payload SET is_settled = true, is_dropped = $1', [isDropped])
  const before = await states()
  const whole = await ofWeek()
  expect(whole.length).toBeGreaterThan(0)
  const moved = await movedAt()
  await waitFor('forecasts from that week', async () => (await forecasts()).length > 0)

  await query(
    `WITH run AS (
       INSERT INTO analyzer.judged_run (data_source_id, source_name)
       SELECT data_source_id, source_name FROM normalizer.lineage WHERE event_id = $1 RETURNING run_no
     )
     INSERT INTO analyzer.withheld_payload
       (event_id, event_no, run_no, company_id, is_flagged, observed_at, data_source_id, subject_key)
     SELECT event_id, event_no, run_no, company_id::int, true, observed_at, data_source_id, subject_key
     FROM normalizer.lineage, run WHERE event_id = $1`,
    [event_id],
  )
  await lookAgain()
  await rebuild()
  expect(await ofWeek()).toEqual([])
  const file = join(makeFolder(), 'news.ndjson')
  await parma('backtest', '--in-force', '--output', file, '--company', String(company))
  expect(readLines(file).filter((row) => row.event_id === event_id)).toEqual([])
  await waitFor('the movement without it', async () => (await movedAt()) < observed_at!)
  // Late payloads were judged after it: the newest one does not tell that other values count.
  await waitFor('forecasts without it', async () => (await forecasts()).length === 0)

  // Cleared before its run was dropped: it counts.
  await query(`UPDATE analyzer.judged_run SET state = 'dropped'`)
  await settle(false)
  await rebuild()
  expect(await states()).toEqual(before)
  await settle(true)
  await rebuild()
  expect(await ofWeek()).toEqual([])

  // Of a payload that is not flagged, some series do not count. Its items are still there.
  await query(
    `UPDATE analyzer.withheld_payload w SET is_flagged = false, series = (
       SELECT jsonb_agg(jsonb_build_object('company_measurement_id', company_measurement_id, 'item_key', item_key))
       FROM normalizer.value v WHERE v.event_no = w.event_no AND v.item_key IS NOT NULL)`,
  )
  await rebuild()
  const rest = await ofWeek()
  expect(rest).toEqual(whole.filter(({ item_key }) => item_key === ''))
  expect((await states()).subjects).toEqual(before.subjects)

  // Released after a rejudge has read it as withheld.
  await query('UPDATE analyzer.withheld_payload SET is_flagged = true, is_settled = false, is_dropped = false')
  const client = new pg.Client({ connectionString: bench.installation.database.url })
  await client.connect()
  await client.query('BEGIN')
  await client.query(`SELECT pg_advisory_xact_lock_shared(hashtextextended('analyzer.states', $1))`, [company % 64])
  await forget()
  const rejudged = parma('rejudge')
  await waitFor('the rejudge to wait', async () => {
    const waiting = await query(`SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted`)
    return waiting.length > 0
  })
  await settle(false)
  await client.end()
  await rejudged
  expect(await states()).toEqual(before)

  await lookAgain()
  await waitFor('the movement with it', async () => (await movedAt()) === moved)
  await waitFor('forecasts with it', async () => (await forecasts()).length > 0)
}, 180_000)

test('what the analyzer has not judged yet is left to it', async () => {
  await analyzer.stop()
  await bench.feed([next])
  await bench.settled([next])
  await parma('rejudge')
  expect(await query('SELECT FROM analyzer.news WHERE event_id = $1', [next.event_id])).toEqual([])
  await bench.installation.start('analyzer')
  await judged([next])
  expect(await query('SELECT FROM analyzer.news WHERE event_id = $1', [next.event_id])).not.toEqual([])
}, 60_000)

test('a disabled rule is tried, too, and what cannot be tried says why', async () => {
  await parma('rules', 'disable', 'rule/1')
  const file = join(makeFolder(), 'news.ndjson')
  await parma('backtest', '--rule', 'rule/1', '--output', file)
  expect(readLines(file)).not.toEqual([])
  const fails = ([name = '', ...args]: string[], message: string) =>
    expect(runCommand(commands[name], ...args)).rejects.toThrow(message)
  const other = String(companies[1])
  await fails(['backtest', '--rule', 'rule/1', '--company', other], 'The rule covers no measurement of these companies')
  await fails(
    ['backtest', '--rule', 'rule/9', '--output', file],
    'There is no rule "rule/9". `parma rules ls` lists all',
  )
  await fails(['backtest', '--in-force', '--from', '2030-01-01'], 'Payloads are stored from 2024-01-01')
  const empty = String(await bench.addCompany())
  for (const command of [['backtest', '--in-force'], ['rejudge']]) {
    await fails([...command, '--company', 'nobody'], 'There is no company "nobody". `parma companies ls` shows which')
    await fails([...command, '--source', 'none'], 'There is no source "none". `parma sources ls` shows which')
    await fails([...command, '--company', empty], 'No payload of these companies and sources is stored: choose others.')
    await fails(
      [...command, '--from', '2024-05-01', '--to', '2024-04-01'],
      '--from is "2024-05-01", which is not before',
    )
    await fails([...command, '--output', `${file}/in/it`], 'Name a file in another folder with --output.')
  }
  expect(await query('SELECT FROM analyzer.rejudge WHERE finished_at IS NULL')).toEqual([])
  await fails(['suspect', 'show', '9'], 'No run "9" was held. `parma suspect ls --all` lists all.')
  await expect(parma('audience', 'try', `${file}.gone`)).rejects.toThrow('cannot be read (ENOENT): give a file that')
}, 120_000)
