import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { memoryTarget } from '../../deploy/service-values.ts'
import { settings } from '../../services/normalizer/config.ts'
import { readHistory, type History } from '../harness/github.ts'
import { waitFor } from '../harness/wait-for.ts'
import { fillBacklog, startBacklogAnew } from './backlog.ts'
import { measureBareWrite } from './bare-write.ts'
import { makeFlatHistory } from './flat-history.ts'
import type { Bench, Measure, Result } from './measure.ts'
import { runService } from './run-service.ts'
import { formatNumber, summarize } from './statistics.ts'
import { readCpu, readPeak } from './usage.ts'

const rounds = 3
const warmUpMs = 5000
const seconds = 10
const bareSeconds = 6
const connections = settings.CONSUME_CONCURRENCY.parse(undefined)

/** Values from Kafka to rows in normalizer.value and public, as a share of a bare write loop in the same run. */
export const normalizer: Measure = async (bench) => {
  const history = readHistory(20, 1000)
  if (!history) bench.say('normalizer: no ../shared/data/github-history.ndjson.gz here, real payloads are skipped')
  return [
    ...(history ? await measureLoad(bench, 'github history', history, 100_000) : []),
    ...(await measureLoad(bench, 'flat payloads', makeFlatHistory(), 250_000)),
  ]
}

type Round = { rate: number; bare: number; cpu: number; peak: number } & Rows

async function measureLoad(bench: Bench, name: string, history: History, backlog: number): Promise<Result[]> {
  const env: NodeJS.ProcessEnv = { ...bench.serviceEnv(), TOPIC_PREFIX: `bench-${history.map.Source}.` }
  await using scope = new AsyncDisposableStack()
  const pool = new pg.Pool({ connectionString: env['DATABASE_URL'] })
  scope.defer(() => pool.end())
  bench.say(`normalizer: a backlog of ${backlog} ${name}`)
  await fillBacklog(env, pool, history, backlog)
  const measured: Round[] = []
  for (let round = 1; round <= rounds; round++) {
    bench.say(`normalizer: ${name}, round ${round} of ${rounds}`)
    const own = await measureOwn(env, pool)
    await startBacklogAnew(env, 'normalizer')
    const rows = await checkRows(pool)
    const { payloadsPerBatch } = rows
    const runBare = await measureBareWrite(pool, { connections, payloadsPerBatch, seconds: bareSeconds })
    await emptyTables(pool)
    measured.push({ ...own, ...rows, bare: await runBare() })
    await emptyTables(pool)
  }

  const of = (value: (round: Round) => number) => summarize(measured.map(value))
  const range = ({ min, max }: ReturnType<typeof of>) => `${formatNumber(min)} to ${formatNumber(max)}`
  const [rate, bare, share] = [of((one) => one.rate), of((one) => one.bare), of((one) => (100 * one.rate) / one.bare)]
  const [cpu, peak, batch] = [of((one) => one.cpu), of((one) => one.peak), of((one) => one.payloadsPerBatch)]
  const same = `${connections} connections, ${formatNumber(batch.median)} payloads a transaction`
  const perSecond = { unit: 'values/s', below: null }
  return [
    { what: `bare write, ${name}`, value: bare.median, ...perSecond, detail: `${same}; ${range(bare)}` },
    { what: `normalizer, ${name}`, value: rate.median, ...perSecond, detail: `Kafka to rows; ${range(rate)}` },
    { what: '  share of the bare write', value: share.median, unit: '%', below: null, above: 60, detail: range(share) },
    { what: '  CPU a million values', value: cpu.median, unit: 's', below: null, detail: `the process; ${range(cpu)}` },
    {
      what: '  memory',
      value: peak.max,
      unit: 'MiB',
      below: memoryTarget('normalizer'),
      detail: `peak RSS with the heap of its pod, backlog ${formatNumber(backlog)}; nine tenths of its limit`,
    },
    {
      what: `values a payload, ${name}`,
      value: of((one) => one.values).median,
      unit: 'values',
      below: null,
      detail: '',
    },
    {
      what: `Postgres a payload, ${name}`,
      value: of((one) => one.bytes / 1024).median,
      unit: 'KiB',
      below: null,
      detail: 'ledger, values and public values, with their indexes',
    },
  ]
}

/** From the first commit after the warm-up to the last one before the end. */
async function measureOwn(env: NodeJS.ProcessEnv, pool: pg.Pool) {
  await using service = await runService('normalizer', env)
  await nextCommit(pool)
  await delay(warmUpMs)
  const look = async () => {
    await nextCommit(pool)
    const values = await selectNumber(pool, 'SELECT sum(stored) FROM normalizer.processed_event')
    return { values, at: performance.now(), cpu: readCpu(service.pid) }
  }
  const first = await look()
  await delay(seconds * 1000)
  const last = await look()
  const values = last.values - first.values
  return {
    rate: (values * 1000) / (last.at - first.at),
    cpu: ((last.cpu - first.cpu) * 1e6) / values,
    peak: readPeak(service.pid),
  }
}

/** Reads only the newest event: counting all of them would take a fifth of Postgres' time. */
async function nextCommit(pool: pg.Pool): Promise<void> {
  const newest = () => selectNumber(pool, 'SELECT max(event_no) FROM normalizer.processed_event')
  const before = await newest()
  await waitFor(`a commit after event ${before}`, async () => (await newest()) > before, 60_000, 10)
}

async function selectNumber(pool: pg.Pool, text: string): Promise<number> {
  const { rows } = await pool.query({ text, rowMode: 'array' })
  return Number(rows[0]?.[0] ?? 0)
}

const tables = ['int', 'float', 'text', 'paragraph', 'link', 'date'].map((type) => `public.measurement_${type}_value`)

/** `values`, `bytes`: of one payload. */
type Rows = { payloadsPerBatch: number; values: number; bytes: number }

/** Throws unless every value that the ledger counts is in both places. */
async function checkRows(pool: pg.Pool): Promise<Rows> {
  const { rows } = await pool.query<{
    stored: string
    refused: string
    batch: string
    payloads: string
    bytes: string
    values: string
    public: string
  }>(`
    SELECT count(*) AS payloads, sum(stored) AS stored, sum(refused) AS refused, count(*) / count(DISTINCT processed_at) AS batch,
      (SELECT sum(pg_total_relation_size(oid)) FROM pg_class
       WHERE relkind = 'r' AND (relnamespace = 'normalizer'::regnamespace OR relname ~ '^measurement_[a-z]+_value$')) AS bytes,
      (SELECT count(*) FROM normalizer.value) AS values,
      ${tables.map((table) => `(SELECT count(*) FROM ${table})`).join(' + ')} AS public
    FROM normalizer.processed_event`)
  const { stored, refused, batch, payloads, bytes, ...counts } = rows[0]!
  if (counts.values !== stored || counts.public !== stored || refused !== '0')
    throw new Error(`${stored} stored and ${refused} refused by the ledger, rows: ${JSON.stringify(counts)}`)
  const each = (sum: string) => Number(sum) / Number(payloads)
  return { payloadsPerBatch: Number(batch), values: each(stored), bytes: each(bytes) }
}

async function emptyTables(pool: pg.Pool): Promise<void> {
  await pool.query(`TRUNCATE normalizer.processed_event, normalizer.value, normalizer.drift, ${tables.join(', ')}`)
  await pool.query('CHECKPOINT')
}
