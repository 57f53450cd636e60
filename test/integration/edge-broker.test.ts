import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import { beforeAll, expect, test } from 'vitest'
import { readSettings } from '../../deploy/local/config.ts'
import { fetchJavaServers } from '../../deploy/local/java-servers.ts'
import { kafkaProgram } from '../../deploy/local/kafka.ts'
import { runParma } from '../../deploy/local/parma.ts'
import { topics } from '../../schemas/topics.ts'
import { onCleanup } from '../harness/cleanup.ts'
import { type Answer, type TestEdge, useEdge } from '../harness/edge/setup.ts'
import { createInstallation } from '../harness/installation.ts'
import { serve } from '../harness/serve.ts'
import { waitFor } from '../harness/wait-for.ts'

type Broker = { address: string; signal(signal: NodeJS.Signals): void; crash(): Promise<void>; start(): Promise<void> }

/** A separate broker, so that this file disturbs no other. */
async function startBroker(): Promise<Broker> {
  const dir = mkdtempSync(join(tmpdir(), 'edge-broker-'))
  const settings = await readSettings(dir, true)
  const program = kafkaProgram(settings, await fetchJavaServers(settings.cache, () => undefined))
  const launch = () => spawn(program.command, program.args, { stdio: 'ignore' })
  await program.prepare?.()
  let child = launch()
  async function crash() {
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }
  onCleanup(async () => {
    await crash()
    rmSync(dir, { recursive: true, force: true })
  })
  await waitFor('the broker', () => program.isHealthy(), 60_000)
  return {
    address: `127.0.0.1:${settings.ports.kafka}`,
    signal: (signal) => void child.kill(signal),
    crash,
    async start() {
      child = launch()
      await waitFor('the broker', () => program.isHealthy(), 60_000)
    },
  }
}

let broker: Broker
let edge: TestEdge
let source = 0
let endpoint = ''
let token = ''
const prefix = 'broker.'
const deadlineMs = 1500

beforeAll(async () => {
  broker = await startBroker()
  const installation = await createInstallation()
  const own = { KAFKA_BROKERS: broker.address, TOPIC_PREFIX: prefix }
  await runParma({ ...installation.env, ...own, TOPIC_PARTITIONS: '1' }, 'topics', 'apply')
  const { url } = await installation.start('edge', {
    ...own,
    ALLOWED_PRIVATE_NETWORKS: '127.0.0.0/8',
    FEED_DEADLINE_MS: String(deadlineMs),
    PRODUCE_MAX_PENDING_BYTES: '200000',
  })
  edge = useEdge(installation, url)
  const answer = { frequency: 'daily', normalization_map: { Source: 'github', Mappings: [] } }
  endpoint = await serve((_, response) => void response.end(JSON.stringify(answer)))
  source = await edge.addSource('github', endpoint)
  token = await edge.token(source)
}, 240_000)

const feed = (raw_data: object): Promise<Answer> =>
  edge.call('/feed-raw-data', { token, body: { source_name: 'github', company_id: '1', raw_data } })

/** The event_id of every record on the topic. */
async function storedIds(): Promise<string[]> {
  const kafka = new Kafka({ brokers: [broker.address], logLevel: logLevel.NOTHING })
  const topic = prefix + topics.rawPayloads.name
  const admin = kafka.admin()
  await admin.connect()
  const [{ high } = { high: '0' }] = await admin.fetchTopicOffsets(topic).finally(() => admin.disconnect())
  const ids: string[] = []
  const consumer = kafka.consumer({ groupId: `read-${Date.now()}` })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({
    autoCommit: false,
    eachMessage: async ({ message }) => void ids.push(String(message.headers?.['event_id'])),
  })
  await waitFor('all records', () => ids.length >= Number(high)).finally(() => consumer.disconnect())
  return ids
}

function expectComeBack({ status, headers }: Answer): void {
  expect([status, headers.get('retry-after')]).toEqual([503, '5'])
}

test('a record that a frozen broker does not confirm is 503 in time, and is accepted afterwards; memory stays bounded', async () => {
  const accepted = [await feed({ before: true })]
  expect(accepted[0]?.status).toBe(201)

  broker.signal('SIGSTOP')
  const task = await edge.addTask(source)
  const startedAt = Date.now()
  const refused = await Promise.all([
    feed({ during: 1 }),
    edge.call('/schedule'),
    edge.call('/crawling-finished', { token, body: { task_id: task } }),
    edge.handshake(endpoint, source),
  ])
  refused.forEach(expectComeBack)
  expect(Date.now() - startedAt).toBeLessThan(deadlineMs + 3000)
  // Requests above the limit of pending records are rejected at once, before the deadline.
  const flood = await Promise.all(
    Array.from({ length: 20 }, async (_, at) => {
      const sentAt = Date.now()
      expectComeBack(await feed({ at, text: 'x'.repeat(50_000) }))
      return Date.now() - sentAt
    }),
  )
  expect(flood.filter((ms) => ms < deadlineMs).length).toBeGreaterThanOrEqual(15)
  expect((await edge.call('/')).status).toBe(200)

  broker.signal('SIGCONT')
  const again = await waitFor(
    'the broker to be heard again',
    async () => {
      const answer = await feed({ during: 1 })
      return answer.status === 201 && answer
    },
    60_000,
  )
  accepted.push(again, await feed({ after: true }))
  expect(accepted.map(({ status }) => status)).toEqual([201, 201, 201])
  const stored = await storedIds()
  expect(stored).toEqual(expect.arrayContaining(accepted.map(({ json }) => json['document_id'])))
  const shaken = await edge.handshake(endpoint, source)
  expect(shaken.status).toBe(200)
}, 180_000)

test('every record answered with 201 is stored after the broker was killed under load', async () => {
  const accepted: unknown[] = []
  let refused = 0
  let at = 0
  const ended = new AbortController()
  const load = Array.from({ length: 8 }, async () => {
    while (!ended.signal.aborted) {
      const answer = await feed({ load: at++ })
      if (answer.status === 201) accepted.push(answer.json['document_id'])
      else {
        expectComeBack(answer)
        refused++
      }
    }
  })
  await waitFor('load', () => accepted.length > 100)
  await broker.crash()
  await waitFor('refusals', () => refused > 0, 60_000)
  const before = accepted.length
  await broker.start()
  await waitFor('load again', () => accepted.length > before + 100, 60_000)
  ended.abort()
  await Promise.all(load)
  const stored = new Set(await storedIds())
  expect(accepted.filter((id) => !stored.has(String(id)))).toEqual([])
}, 240_000)
