import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { Kafka, logLevel } from 'kafkajs'
import pg from 'pg'
import { runParma } from '../../deploy/local/parma.ts'
import { type Codec, createCodec } from '../../schemas/codec.ts'
import { createRegistry } from '../../schemas/registry.ts'
import { judgeSettings } from '../../services/analyzer/config.ts'
import { topics } from '../../schemas/topics.ts'
import { waitFor } from '../harness/wait-for.ts'
import { postJson, startModule } from '../harness/module.ts'
import type { Measure } from './measure.ts'
import { formatNumber } from './statistics.ts'

const source = 'bench-latency'
const map = { Source: source, Mappings: [{ SourceField: 'stars', DataType: 'int', MeasurementName: 'stars' }] }
const companies = 50
const perSecond = 50
const seconds = 10
const rulesMaxAgeMs = judgeSettings.RULES_MAX_AGE_MS.parse(undefined)
const deadlineMs = 60_000

/** From the POST of a payload to its news item on `insights.news.v1`, with all services, at 50 payloads a second. */
export const newsLatency: Measure = async (bench) => {
  const env = bench.serviceEnv()
  await using module = await startModule(() => bench.env().EDGE_URL ?? '', map)
  const parma = async (...args: string[]) =>
    JSON.parse(await runParma(env, ...args, '--json')) as { id: number; token: string }
  const { id } = await parma(
    'sources',
    'add',
    '--name',
    source,
    '--endpoint',
    module.endpoint,
    '--frequency',
    'monthly',
  )
  const query = new URLSearchParams({ invocation_endpoint: module.endpoint, data_source_id: String(id) })
  const { status } = await fetch(`${bench.env().EDGE_URL}/handshake?${query}`)
  if (status !== 200) throw new Error(`the handshake was answered ${status}`)
  const { token } = await parma('token', 'mint', '--source', source)
  const ids = await addCompanies(env['DATABASE_URL'] ?? '', id)
  await delay(rulesMaxAgeMs)

  const kafka = new Kafka({ clientId: 'bench', brokers: [env['KAFKA_BROKERS'] ?? ''], logLevel: logLevel.NOTHING })
  const toldAt = new Map<string, number>()
  const consumer = await followNews(kafka, createCodec(createRegistry(env['SCHEMA_REGISTRY_URL'] ?? '')), toldAt)
  /** Sends `count` payloads, each with a number that is news after its company's last one. Returns the time of each by event. */
  const feed = async (count: number, first: number) => {
    const sentAt = new Map<string, number>()
    const startedAt = performance.now()
    const sending: Promise<void>[] = []
    for (let n = 0; n < count; n++) {
      await delay(Math.max(0, startedAt + (n * 1000) / perSecond - performance.now()))
      const at = performance.now()
      const raw_data = { stars: starsOf(n % companies, first + Math.floor(n / companies)) }
      const body = { source_name: source, company_id: ids[n % companies], raw_data }
      const send = async () => {
        const answer = await postJson(`${bench.env().EDGE_URL}/feed-raw-data`, `Bearer ${token}`, body)
        if (answer.status !== 201) throw new Error(`a feed was answered ${answer.status}`)
        sentAt.set(String(((await answer.json()) as { document_id: string }).document_id), at)
      }
      sending.push(send())
    }
    await Promise.all(sending)
    return sentAt
  }
  try {
    bench.say(`news: ${perSecond} payloads a second`)
    await feed(companies, 0)
    const sentAt = await feed(perSecond * seconds, 1)
    await waitFor('all news items', () => [...sentAt.keys()].every((event) => toldAt.has(event)), deadlineMs)
    const taken = [...sentAt].map(([event, at]) => toldAt.get(event)! - at).sort((a, b) => a - b)
    const at = (share: number) => formatNumber(taken[Math.min(taken.length - 1, Math.floor(taken.length * share))]!)
    return [
      {
        what: 'a payload to its news, p95',
        ...{ value: taken[Math.floor(taken.length * 0.95)]!, unit: 'ms', below: 500 },
        detail: `POST to insights.news.v1, ${perSecond}/s for ${seconds} s: p50 ${at(0.5)}, p99 ${at(0.99)}, max ${at(1)}`,
      },
    ]
  } finally {
    await consumer.disconnect()
  }
}

/** Companies with the same numbers would be a suspect run. */
function starsOf(company: number, round: number): number {
  return Math.round((1003 + 37 * company) * (1.6 + company / 100) ** round)
}

/** Adds companies, and a rule without which a number that always doubles would soon be no news. */
async function addCompanies(connectionString: string, source: number): Promise<string[]> {
  const client = new pg.Client({ connectionString })
  await client.connect()
  try {
    const { rows } = await client.query<{ id: number }>(
      "INSERT INTO company (name, modified_at) SELECT 'Latency ' || n, now() FROM generate_series(1, $1::int) n RETURNING id",
      [companies],
    )
    await client.query(
      `INSERT INTO notification_rules (rule_name, source_measurement_id, threshold, modified_at)
       SELECT 'bench', id, 50, now() FROM source_measurement WHERE source_module_id = $1`,
      [source],
    )
    return rows.map(({ id }) => String(id))
  } finally {
    await client.end()
  }
}

/** Records when the first news item of each event arrives. */
async function followNews(kafka: Kafka, codec: Codec, toldAt: Map<string, number>) {
  const consumer = kafka.consumer({ groupId: `bench-${randomUUID()}`, maxWaitTimeInMs: 50 })
  const joined = new Promise<void>((resolve) => {
    consumer.on('consumer.group_join', () => resolve())
  })
  await consumer.connect()
  await consumer.subscribe({ topic: topics.news.name, fromBeginning: false })
  await consumer.run({
    async eachMessage({ message }) {
      const at = performance.now()
      const { event_id } = await codec.decode(topics.news, message.value!)
      if (!toldAt.has(event_id)) toldAt.set(event_id, at)
    },
  })
  await joined
  return consumer
}
