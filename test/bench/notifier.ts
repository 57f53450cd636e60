import { fork } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Kafka, logLevel, type Producer } from 'kafkajs'
import SMTPConnection from 'nodemailer/lib/smtp-connection'
import pg from 'pg'
import { memoryTarget } from '../../deploy/service-values.ts'
import { type Codec, createCodec } from '../../schemas/codec.ts'
import type { News, Observation } from '../../schemas/generated/types.ts'
import { createRegistry } from '../../schemas/registry.ts'
import { type Topic, topics } from '../../schemas/topics.ts'
import { waitFor } from '../harness/wait-for.ts'
import type { Measure, Result } from './measure.ts'
import type { Arrival, Sinks } from './message-sinks.ts'
import { runService } from './run-service.ts'
import { formatNumber } from './statistics.ts'
import { readCpu, readPeak } from './usage.ts'

const kinds = ['EMAIL', 'SLACK'] as const
/** News items of this many companies, each told at one of this many destinations of each kind. */
const backlog = { news: 2000, places: 400 }
const latency = { companies: 1000, people: 100, perSecond: 100 }
const concurrency = 8
const deadlineMs = 300_000

/**
 * A backlog of messages to stub destinations, as a share of what bare clients send to the same stubs. Then the time
 * from an observation on its topic to the mail about its news item, through analyzer and notifier, at 100 a second.
 */
export const notifier: Measure = async (bench) => {
  const env = bench.serviceEnv()
  const child = fork(join(import.meta.dirname, 'message-sinks.ts'))
  const pool = new pg.Pool({ connectionString: env['DATABASE_URL'], max: 2 })
  const kafka = new Kafka({ clientId: 'bench', brokers: [env['KAFKA_BROKERS'] ?? ''], logLevel: logLevel.NOTHING })
  const producer = kafka.producer({ allowAutoTopicCreation: false })
  await producer.connect()
  const codec = createCodec(createRegistry(env['SCHEMA_REGISTRY_URL'] ?? ''))
  try {
    const [sinks] = (await once(child, 'message')) as [Sinks]
    const read = async () => {
      child.send('read')
      const [arrivals] = (await once(child, 'message')) as [Arrival[]]
      return arrivals
    }
    const smtpUrl = `smtp://127.0.0.1:${sinks.smtpPort}`
    const slackUrl = `http://127.0.0.1:${sinks.httpPort}/api/`
    const settings = { ...env, SMTP_URL: smtpUrl, SLACK_API_URL: slackUrl }
    const own = { pool, producer, codec, read, settings }
    bench.say('notifier: bare clients')
    const bare = await measureBare(sinks)
    await read()
    bench.say(`notifier: ${backlog.news} news to ${kinds.length} kinds of channel`)
    const rates = await measureRate(own, bare)
    bench.say(`notifier: ${latency.perSecond} news a second`)
    return [...rates, ...(await measureLatency(own))]
  } finally {
    child.kill()
    await producer.disconnect()
    await pool.end()
  }
}

type Own = {
  pool: pg.Pool
  producer: Producer
  codec: Codec
  read(): Promise<Arrival[]>
  settings: NodeJS.ProcessEnv
}

async function measureRate(own: Own, bare: number): Promise<Result[]> {
  const { source, companies } = await addCompanies(own.pool, backlog.news)
  await addReaders(own.pool, companies, backlog.places, kinds)
  await send(
    own,
    topics.news,
    companies.map((company, n) => newsOf(company, source, n)),
  )
  const total = backlog.news * kinds.length
  const arrivals: Arrival[] = []
  await using service = await runService('notifier', { ...own.settings, SLACK_INTERVAL_MS: '1000' })
  const cpuBefore = readCpu(service.pid)
  await waitFor(`${total} messages`, async () => arrivals.push(...(await own.read())) >= total, deadlineMs)
  const times = arrivals.map(({ at }) => at).sort((a, b) => a - b)
  const seconds = (times.at(-1)! - times[0]!) / 1000
  const cpu = readCpu(service.pid) - cpuBefore
  const rate = total / seconds
  const rateOf = (kind: Arrival['kind']) => {
    const own = arrivals.filter((one) => one.kind === kind).map(({ at }) => at)
    return formatNumber(own.length / ((Math.max(...own) - Math.min(...own)) / 1000))
  }
  return [
    {
      what: 'notifier, messages',
      ...{ value: rate, unit: 'messages/s', below: null, above: 200 },
      detail: `${total} from the first to the last; mails ${rateOf('mail')}/s, posts ${rateOf('slack')}/s, at ${backlog.places} destinations of each kind; ${formatNumber((1000 * cpu) / total)} ms CPU each`,
    },
    {
      what: 'share of bare clients',
      ...{ value: (100 * rate) / bare, unit: '%', below: null },
      detail: `the same mails and posts from ${concurrency} loops of each kind: ${formatNumber(bare)}/s`,
    },
    {
      what: 'notifier, memory',
      ...{ value: readPeak(service.pid), unit: 'MiB', below: memoryTarget('notifier') },
      detail: 'peak RSS, heap of its pod',
    },
  ]
}

/** Only sends mails and posts as the notifier does, one session each. */
async function measureBare({ smtpPort, httpPort }: Sinks): Promise<number> {
  const text = `Subject: Bench\r\n\r\n${'x'.repeat(3000)}\r\n`
  const mail = () =>
    new Promise<void>((done, fail) => {
      const connection = new SMTPConnection({ host: '127.0.0.1', port: smtpPort })
      connection.on('error', fail)
      connection.connect(() =>
        connection.send({ from: 'a@example.com', to: ['b@example.com'] }, text, (error) => {
          connection.close()
          if (error) fail(error)
          else done()
        }),
      )
    })
  const url = `http://127.0.0.1:${httpPort}/api/chat.postMessage`
  const body = new URLSearchParams({ channel: '#bench', text: 'Bench', blocks: 'x'.repeat(1500) }).toString()
  const headers = { 'content-type': 'application/x-www-form-urlencoded', authorization: 'Bearer x' }
  const post = async () => void (await (await fetch(url, { method: 'POST', headers, body })).text())
  const loop = async (work: () => Promise<void>) => {
    for (let n = 0; n < backlog.news / concurrency; n++) await work()
  }
  const startedAt = performance.now()
  await Promise.all([mail, post].flatMap((work) => Array.from({ length: concurrency }, () => loop(work))))
  return (backlog.news * kinds.length) / ((performance.now() - startedAt) / 1000)
}

async function measureLatency(own: Own): Promise<Result[]> {
  const { source, companies } = await addCompanies(own.pool, latency.companies)
  await addReaders(own.pool, companies, latency.people, ['EMAIL'])
  const series = await addSeries(own.pool, source, companies)
  await using analyzer = await runService('analyzer', own.settings)
  await using service = await runService('notifier', own.settings)
  const observe = (n: number, round: number): Observation => ({
    ...{
      event_id: randomUUID(),
      event_no: round * companies.length + n,
      part: 1,
      parts: 1,
      task_id: null,
      map_version: 1,
    },
    ...{ refused: 0, empty_lists: [], data_source_id: source, source_name: 'bench', company_id: String(companies[n]) },
    ...{ observed_at: Date.now() + round, history: false, replay_id: null, subject_key: '' },
    values: [
      {
        ...{ seq: 0, source_measurement_id: series.measurement, measurement_name: 'stars', path: 'stars', type: 'int' },
        ...{ company_measurement_id: series.of.get(companies[n]!)!, item_key: null, item_label: null },
        // Companies with the same numbers would be a suspect run.
        ...{ number: (1000 + 7 * n) * (1 + round), text: null, date: null, members: null },
      },
    ],
  })
  await send(
    own,
    topics.observations,
    companies.map((_, n) => observe(n, 0)),
  )
  await waitFor(
    'the first values',
    async () => {
      const { rows } = await own.pool.query<{ count: string }>('SELECT count(*) FROM analyzer.processed_event')
      return Number(rows[0]?.count) >= companies.length
    },
    deadlineMs,
  )
  await own.read()
  const sentAt = new Map<string, number>()
  const sending: Promise<void>[] = []
  const startedAt = performance.now()
  for (let n = 0; n < companies.length; n++) {
    await delay(Math.max(0, startedAt + (n * 1000) / latency.perSecond - performance.now()))
    sentAt.set(nameOf(companies[n]!), Date.now())
    sending.push(send(own, topics.observations, [observe(n, 1)]))
  }
  await Promise.all(sending)
  const arrivals: Arrival[] = []
  await waitFor('all mails', async () => arrivals.push(...(await own.read())) >= companies.length, deadlineMs)
  const taken = arrivals.map(({ about, at }) => at - sentAt.get(about)!).sort((a, b) => a - b)
  const at = (share: number) => taken[Math.min(taken.length - 1, Math.floor(taken.length * share))]!
  const [p50, p99, max] = [0.5, 0.99, 1].map((share) => formatNumber(at(share)))
  return [
    {
      what: 'an observation to its mail, p95',
      ...{ value: at(0.95), unit: 'ms', below: 1000 },
      detail: `${latency.perSecond} news/s for ${companies.length / latency.perSecond} s, grouped, to ${latency.people} people: p50 ${p50}, p99 ${p99}, max ${max}; notifier ${formatNumber(readPeak(service.pid))} MiB, analyzer ${formatNumber(readPeak(analyzer.pid))} MiB`,
    },
  ]
}

const nameOf = (company: number) => `Bench ${company}`

async function addCompanies(pool: pg.Pool, count: number): Promise<{ source: number; companies: number[] }> {
  const { rows: sources } = await pool.query<{ id: number }>(
    `INSERT INTO data_source (source_name, is_active, frequency, health_status, modified_at)
     VALUES ('bench', true, 'MONTHLY', 'UP', now()) RETURNING id`,
  )
  const { rows: companies } = await pool.query<{ id: number }>(
    `INSERT INTO company (name, modified_at) SELECT 'Bench', now() FROM generate_series(1, $1::int) RETURNING id`,
    [count],
  )
  const ids = companies.map(({ id }) => id)
  // Messages name their subject.
  await pool.query(`UPDATE company SET name = 'Bench ' || id WHERE id = ANY($1)`, [ids])
  return { source: sources[0]!.id, companies: ids }
}

/** `count` people who share the companies, each with one channel of each kind. */
async function addReaders(
  pool: pg.Pool,
  companies: readonly number[],
  count: number,
  types: readonly (typeof kinds)[number][],
): Promise<void> {
  const { rows: people } = await pool.query<{ id: number }>(
    `INSERT INTO "user" (auth_id, name, role, modified_at) SELECT gen_random_uuid(), 'Reader ' || n, 'USER', now()
     FROM generate_series(1, $1::int) n RETURNING id`,
    [count],
  )
  const ids = people.map(({ id }) => id)
  await pool.query(
    `INSERT INTO company_subscription (user_id, company_id, modified_at)
     SELECT ($1::int[])[1 + (n - 1) % $2], c, now() FROM unnest($3::int[]) WITH ORDINALITY AS c (c, n)`,
    [ids, count, companies],
  )
  await pool.query(
    `WITH made AS (
       INSERT INTO notification_channel (channel_type, destination, modified_at)
       SELECT t.t::channel_type, CASE t.t WHEN 'EMAIL' THEN 'reader-' || u || '@example.com' ELSE 'C0BENCH' || u END, now()
       FROM unnest($1::int[]) u, unnest($2::text[]) t RETURNING id, substring(destination FROM '(\\d+)(@|$)')::int AS person
     )
     INSERT INTO notification_subscription (user_id, channel_id, channel_purpose, modified_at)
     SELECT person, id, 'NOTIFICATION', now() FROM made`,
    [ids, types],
  )
}

async function addSeries(pool: pg.Pool, source: number, companies: readonly number[]) {
  const { rows } = await pool.query<{ id: number }>(
    `INSERT INTO source_measurement (source_module_id, type, measurement_name, modified_at)
     VALUES ($1, 'int', 'stars', now()) RETURNING id`,
    [source],
  )
  const measurement = rows[0]!.id
  const { rows: series } = await pool.query<{ id: number; company_id: number }>(
    `INSERT INTO company_source_measurement (source_measurement_id, company_id)
     SELECT $1, unnest($2::int[]) RETURNING company_measurement_id AS id, company_id`,
    [measurement, companies],
  )
  return { measurement, of: new Map(series.map(({ id, company_id }) => [company_id, id])) }
}

function newsOf(company: number, source: number, n: number): News {
  const eventId = randomUUID()
  return {
    ...{ news_id: randomUUID(), kind: 'threshold', severity: 'warning', company_id: String(company) },
    ...{ data_source_id: source, source_measurement_id: 1, subject_key: '', item_key: null },
    ...{ title: 'Stars rose 50 % to 1,500', trigger_factor: 50, previous: '1,000', current: '1,500', rule: null },
    message: `${nameOf(company)}: Stars rose by 50 % from 1,000 to 1,500 since 17 Nov 2026 (bench).`,
    ...{ observed_at: Date.UTC(2026, 10, 24, 12) + n, event_id: eventId, task_id: null, group_id: eventId },
    ...{ group_index: 0, group_size: 1, dedupe_key: randomUUID(), facts: {}, silent: false, importance: null },
  }
}

async function send<T extends { company_id: string; event_id: string }>(
  { producer, codec }: Own,
  topic: Topic<T>,
  values: readonly T[],
): Promise<void> {
  const messages = await Promise.all(
    values.map(async (value) => ({
      key: value.company_id,
      value: await codec.encode(topic, topic.name, value),
      headers: { event_id: value.event_id },
    })),
  )
  for (let at = 0; at < messages.length; at += 500)
    await producer.send({ topic: topic.name, acks: -1, messages: messages.slice(at, at + 500) })
}
