import { randomUUID } from 'node:crypto'
import { Kafka, logLevel } from 'kafkajs'
import pg from 'pg'
import { createCodec } from '../../schemas/codec.ts'
import { createRegistry } from '../../schemas/registry.ts'
import { deadLetterTopic, topics } from '../../schemas/topics.ts'
import { waitFor } from '../harness/wait-for.ts'
import type { Bench, Measure } from './measure.ts'
import { signIn } from './sign-in.ts'
import { formatNumber } from './statistics.ts'
import { timeCalls, toResult } from './time-calls.ts'

const letters = 50_000
const replayed = 10_000
const perSend = 1000
const patienceMs = 300_000

/** The list of many dead letters, and a replay of some of them: how long it takes, and whether each was sent once. */
export const deadLetters: Measure = async (bench) => {
  const env = bench.serviceEnv()
  await using scope = new AsyncDisposableStack()
  const pool = new pg.Pool({ connectionString: env['DATABASE_URL'] })
  scope.defer(() => pool.end())
  bench.say(`dead letters: ${letters} of them`)
  await leaveLetters(env)
  const countIndexed = async () => {
    const { rows } = await pool.query<{ n: number }>('SELECT count(*)::int AS n FROM edge.dead_letter')
    return rows[0]!.n === letters
  }
  await waitFor('the dead letters in the table', countIndexed, patienceMs, 500)
  const origin = bench.env().EDGE_URL ?? ''
  const detail = `of ${formatNumber(letters)}`
  const { key, cookie } = await signIn(env, origin)
  const page = await timeCalls(origin, { cookie }, (call) => `/console/dead-letters?until=2099-01-${10 + (call % 20)}`)
  const api = await timeCalls(
    origin,
    { authorization: `Bearer ${key}` },
    (call) => `/api/v1/dead-letters?limit=${50 + call}`,
  )
  bench.say(`dead letters: a replay of ${replayed}`)
  const { seconds, sent, most } = await replay(bench, pool, key)
  if (sent !== replayed) throw new Error(`${sent} of ${replayed} dead letters were sent`)
  return [
    toResult('dead letters, first page', 500, page, detail),
    toResult('  the same from the API', 500, api, detail),
    {
      what: `  replay of ${formatNumber(replayed)}`,
      value: seconds,
      unit: 's',
      below: 60,
      detail: 'from asking to its end',
    },
    {
      what: '  records of one dead letter',
      value: most,
      unit: 'at most',
      below: 2,
      detail: `${formatNumber(sent)} sent`,
    },
  ]
}

const source = topics.observations

/** Dead letters of the analyzer: the first have another reason than the others. */
async function leaveLetters(env: NodeJS.ProcessEnv): Promise<void> {
  const prefix = env['TOPIC_PREFIX'] ?? ''
  const codec = createCodec(createRegistry(env['SCHEMA_REGISTRY_URL'] ?? ''))
  const producer = kafkaOf(env).producer({ allowAutoTopicCreation: false })
  await producer.connect()
  for (let at = 0; at < letters; at += perSend) {
    const messages = Array.from({ length: perSend }, async (_, index) => {
      const event_no = at + index + 1
      const event_id = randomUUID()
      const value = await codec.encode(source, prefix + source.name, {
        ...{ event_id, event_no, part: 1, parts: 1, data_source_id: 1, source_name: 'bench', company_id: '1' },
        ...{ task_id: null, map_version: 1, observed_at: event_no, history: false, replay_id: null, subject_key: '' },
        ...{ values: [], refused: 0, empty_lists: [] },
      })
      const reason = event_no <= replayed ? 'conflict' : 'undecodable'
      const headers = {
        event_id,
        '__dlq.reason': reason,
        '__dlq.stage': 'decode',
        '__dlq.errors.message': 'of a measure',
      }
      return { key: String(event_no % 100), value, headers }
    })
    await producer.send({
      ...{ topic: prefix + deadLetterTopic(source, 'analyzer').name, acks: -1 },
      messages: await Promise.all(messages),
    })
  }
  await producer.disconnect()
}

const kafkaOf = (env: NodeJS.ProcessEnv) =>
  new Kafka({ clientId: 'bench', brokers: [env['KAFKA_BROKERS'] ?? ''], logLevel: logLevel.NOTHING })

/** How long a replay takes, and how often each record came to its topic. */
async function replay({ env, serviceEnv }: Bench, pool: pg.Pool, key: string) {
  const began = performance.now()
  const response = await fetch(`${env().EDGE_URL}/api/v1/dead-letters/replays`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', 'idempotency-key': randomUUID() },
    body: JSON.stringify({ filter: { reason: 'conflict' } }),
  })
  if (response.status !== 202) throw new Error(`the replay: ${response.status} ${await response.text()}`)
  const isDone = async () => {
    const { rows } = await pool.query<{ done: boolean }>(`SELECT state = 'done' AS done FROM edge.redrive`)
    return rows[0]?.done === true
  }
  await waitFor('the end of the replay', isDone, patienceMs, 100)
  const seconds = (performance.now() - began) / 1000
  const counts = await countRecords(serviceEnv())
  return { seconds, sent: counts.size, most: Math.max(...counts.values()) }
}

async function countRecords(env: NodeJS.ProcessEnv): Promise<Map<string, number>> {
  const topic = (env['TOPIC_PREFIX'] ?? '') + source.name
  const kafka = kafkaOf(env)
  const admin = kafka.admin()
  await admin.connect()
  let left = (await admin.fetchTopicOffsets(topic)).reduce((sum, { low, high }) => sum + Number(high) - Number(low), 0)
  await admin.disconnect()
  const consumer = kafka.consumer({ groupId: randomUUID() })
  const counts = new Map<string, number>()
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({
    autoCommit: false,
    eachMessage({ message }) {
      const id = String(message.headers?.['event_id'])
      counts.set(id, (counts.get(id) ?? 0) + 1)
      left--
      return Promise.resolve()
    },
  })
  await waitFor('all records', () => Promise.resolve(left <= 0), patienceMs, 100)
  await consumer.disconnect()
  return counts
}
