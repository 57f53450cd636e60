import { randomUUID } from 'node:crypto'
import { Kafka, logLevel } from 'kafkajs'
import pg from 'pg'
import { createCodec } from '../../schemas/codec.ts'
import type { Observation } from '../../schemas/generated/types.ts'
import { createRegistry } from '../../schemas/registry.ts'
import { topics } from '../../schemas/topics.ts'
import { waitFor } from '../harness/wait-for.ts'
import type { Measure } from './measure.ts'
import { formatNumber, summarize } from './statistics.ts'
import { readCpu, readCpuOfAll } from './usage.ts'

const companies = 500
const measurements = 100
const rules = 200
const rounds = 4
const values = rounds * companies * measurements
/** One in this many values rises by more than 50 percent, which makes a news item by its rules. */
const newsEvery = 499
const deadlineMs = 300_000
const dayMs = 86_400_000
const start = Date.parse('2026-01-01')

/**
 * What one analyzer judges from topic to topic: 50,000 series, each measurement with two rules. The first round, in
 * which the series begin, does not count.
 */
export const analyzer: Measure = async (bench) => {
  const env = bench.serviceEnv()
  const pool = new pg.Pool({ connectionString: env['DATABASE_URL'], max: 2 })
  const kafka = new Kafka({ clientId: 'bench', brokers: [env['KAFKA_BROKERS'] ?? ''], logLevel: logLevel.NOTHING })
  const producer = kafka.producer({ allowAutoTopicCreation: false })
  await producer.connect()
  const codec = createCodec(createRegistry(env['SCHEMA_REGISTRY_URL'] ?? ''))
  const { name: topic } = topics.observations
  let eventNo = 0
  const send = async (observations: readonly Observation[]) => {
    const messages = await Promise.all(
      observations.map(async (one) => ({
        key: one.company_id,
        value: await codec.encode(topics.observations, topic, one),
        headers: { event_id: one.event_id },
      })),
    )
    for (let at = 0; at < messages.length; at += 50)
      await producer.send({ topic, acks: -1, messages: messages.slice(at, at + 50) })
  }
  try {
    bench.say('analyzer: 50,000 series')
    const ids = await addSeries(pool)
    const observe = (company: number, round: number, numbers: readonly number[]): Observation => ({
      ...{ event_id: randomUUID(), event_no: ++eventNo, part: 1, parts: 1, task_id: null, map_version: 1, refused: 0 },
      empty_lists: [],
      ...{ data_source_id: ids.source, source_name: 'bench', company_id: String(ids.companies[company]) },
      ...{ observed_at: start + round * dayMs, history: false, replay_id: null, subject_key: '' },
      values: numbers.map((number, index) => ({
        ...{ seq: index, source_measurement_id: ids.measurements[index]!, measurement_name: `measure ${index}` },
        company_measurement_id: ids.series.get(`${ids.companies[company]}/${ids.measurements[index]}`)!,
        ...{ type: 'float', path: `m${index}`, item_key: null, item_label: null, number },
        ...{ text: null, date: null, members: null },
      })),
    })
    let value = 0
    // Companies with the same numbers would be a suspect run.
    const round = (n: number) =>
      Array.from({ length: companies }, (_, company) =>
        observe(
          company,
          n,
          ids.measurements.map(() => (++value % newsEvery === 0 ? 5000 : 1000) + company + (value % 7)),
        ),
      )
    await send(round(0))
    await waitForJudged(pool, companies)
    const seconds: number[] = []
    const { ANALYZER_PID, POSTGRES_PID } = bench.env()
    const readAllCpu = () => [readCpu(Number(ANALYZER_PID)), readCpuOfAll(Number(POSTGRES_PID))] as const
    const before = readAllCpu()
    for (let n = 1; n <= rounds; n++) {
      const observations = round(n)
      const startedAt = performance.now()
      await send(observations)
      await waitForJudged(pool, companies * (n + 1))
      seconds.push((performance.now() - startedAt) / 1000)
      bench.say(`analyzer: round ${n} of ${rounds}`)
    }
    const rates = summarize(seconds.map((one) => values / rounds / one))
    const [own, postgres] = readAllCpu().map((now, index) => (1e6 * (now - before[index]!)) / values)
    const { rows } = await pool.query<{ count: string }>('SELECT count(*) FROM analyzer.news')
    return [
      {
        what: 'analyzer, values judged',
        ...{ value: rates.median, unit: 'values/s', below: null, above: 10_000 },
        detail: `${rounds} rounds of ${companies * measurements} series, ${rules} rules, ${rows[0]?.count} news: min ${formatNumber(rates.min)}, max ${formatNumber(rates.max)}`,
      },
      {
        what: '  CPU a million values',
        ...{ value: own! + postgres!, unit: 's', below: null },
        detail: `the process ${formatNumber(own!)}, Postgres ${formatNumber(postgres!)}`,
      },
    ]
  } finally {
    await producer.disconnect()
    await pool.end()
  }
}

type Ids = { source: number; companies: number[]; measurements: number[]; series: Map<string, number> }

async function addSeries(pool: pg.Pool): Promise<Ids> {
  const list = async (statement: string, values: unknown[]) =>
    (await pool.query<{ id: number }>(statement, values)).rows.map(({ id }) => id)
  const [source] = await list(
    `INSERT INTO data_source (source_name, is_active, frequency, health_status, modified_at)
     VALUES ($1, true, 'MONTHLY', 'UP', now()) RETURNING id`,
    ['bench'],
  )
  const made = await list(
    `INSERT INTO company (name, modified_at) SELECT 'Bench ' || n, now() FROM generate_series(1, $1::int) n RETURNING id`,
    [companies],
  )
  const measures = await list(
    `INSERT INTO source_measurement (source_module_id, type, measurement_name, modified_at)
     SELECT $1, 'float', 'measure ' || n, now() FROM generate_series(1, $2::int) n RETURNING id`,
    [source, measurements],
  )
  const { rows } = await pool.query<{ id: number; source_measurement_id: number; company_id: number }>(
    `INSERT INTO company_source_measurement (source_measurement_id, company_id)
     SELECT m, c FROM unnest($1::int[]) m, unnest($2::int[]) c
     RETURNING company_measurement_id AS id, source_measurement_id, company_id`,
    [measures, made],
  )
  await pool.query(
    `INSERT INTO notification_rules (rule_name, source_measurement_id, threshold, aggregation_method, num_aggregation_entries, modified_at)
     SELECT 'bench', ($1::int[])[1 + n % $2], 50, CASE WHEN n >= $2 THEN 'avg' END, CASE WHEN n >= $2 THEN 3 END, now()
     FROM generate_series(0, $3::int - 1) n`,
    [measures, measurements, rules],
  )
  const series = new Map(rows.map((row) => [`${row.company_id}/${row.source_measurement_id}`, row.id]))
  return { source: source!, companies: made, measurements: measures, series }
}

async function waitForJudged(pool: pg.Pool, count: number): Promise<void> {
  const query = 'SELECT count(*) >= $1 AS done FROM analyzer.processed_event'
  const areDone = async () => (await pool.query<{ done: boolean }>(query, [count])).rows[0]?.done
  await waitFor(`${count} judged observations`, areDone, deadlineMs, 20)
}
