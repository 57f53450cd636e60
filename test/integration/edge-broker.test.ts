import { Kafka, logLevel } from 'kafkajs'
import { beforeAll, describe, expect, test } from 'vitest'
import { runParma } from '../../deploy/local/parma.ts'
import { topics } from '../../schemas/topics.ts'
import { type Answer, type TestEdge, useEdge } from '../harness/edge/setup.ts'
import { createInstallation } from '../harness/installation.ts'
import { type OwnBroker, startOwnBroker } from '../harness/own-broker.ts'
import { serve } from '../harness/serve.ts'
import type { StartedService } from '../harness/service.ts'
import { waitFor } from '../harness/wait-for.ts'

let broker: OwnBroker
let start: (env: NodeJS.ProcessEnv) => Promise<StartedService>
let edge: TestEdge
let source = 0
let endpoint = ''
let token = ''
const prefix = 'broker.'
const deadlineMs = 1500

beforeAll(async () => {
  broker = await startOwnBroker()
  const installation = await createInstallation()
  const own = { KAFKA_BROKERS: broker.address, TOPIC_PREFIX: prefix }
  await runParma({ ...installation.env, ...own, TOPIC_PARTITIONS: '1' }, 'topics', 'apply')
  start = (env) => installation.start('edge', { ...own, ALLOWED_PRIVATE_NETWORKS: '127.0.0.0/8', ...env })
  const { url } = await start({ FEED_DEADLINE_MS: String(deadlineMs), PRODUCE_MAX_PENDING_BYTES: '200000' })
  edge = useEdge(installation, url)
  const answer = { frequency: 'daily', normalization_map: { Source: 'github', Mappings: [] } }
  endpoint = await serve((_, response) => void response.end(JSON.stringify(answer)))
  source = await edge.addSource('github', endpoint)
  token = await edge.token(source)
}, 240_000)

const feed = (raw_data: object, company_id = '1', at = edge): Promise<Answer> =>
  at.call('/feed-raw-data', { token, body: { source_name: 'github', company_id, raw_data } })

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

/** How many callers an edge keeps waiting for the broker. */
async function countHeld(healthUrl: string): Promise<number> {
  const metrics = await (await fetch(`${healthUrl}/metrics`)).text()
  return Number(/^parma_edge_feeds_waiting (\d+)$/m.exec(metrics)?.[1])
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

describe('feeds of modules that never send them again', () => {
  /** Longer than kafkajs tries by itself. */
  const outageMs = 15_000

  test('are held while no broker is there and accepted when it is back; the end of the task too', async () => {
    const { url, healthUrl } = await start({})
    const holding = { ...edge, ...useEdge(edge, url) }
    const readiness = async () => {
      const answer = await fetch(`${healthUrl}/readyz`)
      return [answer.status, ((await answer.json()) as Record<string, string>)['kafka']]
    }
    expect(await readiness()).toEqual([200, 'ok'])
    const known = await feed({ hold: 'before' }, '1', holding)
    expect(known.status).toBe(201)
    const before = (await storedIds()).length

    const task = await edge.addTask(source)
    await broker.crash()
    const since = performance.now()
    expect(await readiness()).toEqual([200, expect.stringMatching(/^degraded: no broker has answered for \d s /)])
    const companies = Array.from({ length: 30 }, (_, at) => String(at + 1))
    const feeds = companies.map((company) => feed({ hold: company }, company, holding))
    const finish = holding.call('/crawling-finished', { token, body: { task_id: task } })
    await waitFor('the outage', () => performance.now() - since > outageMs, outageMs + 5000)
    await broker.start()
    const answers = await Promise.all(feeds)
    expect(answers.map(({ status }) => status)).toEqual(companies.map(() => 201))
    expect((await finish).status).toBe(201)
    expect(await readiness()).toEqual([200, 'ok'])
    const stored = await storedIds()
    expect(stored.slice(before)).toEqual(expect.arrayContaining(answers.map(({ json }) => json['document_id'])))
  }, 120_000)

  test('are answered before the process ends: sent if a broker is back by then, else 503', async () => {
    const stops = { DRAIN_TIMEOUT_MS: '9000' }
    const services = await Promise.all([start(stops), start({ DRAIN_TIMEOUT_MS: '60000' })])
    const edges = services.map(({ url }) => ({ ...edge, ...useEdge(edge, url) }))
    for (const one of edges) expect((await feed({ stop: 'before' }, '1', one)).status).toBe(201)

    await broker.crash()
    const feeds = edges.map((one, at) => feed({ stop: at }, '1', one))
    for (const { healthUrl } of services)
      await waitFor('the feed to be held', async () => (await countHeld(healthUrl)) === 1)
    const [short, long] = services.map((service) => service.stop(60_000))
    expectComeBack((await feeds[0]) as Answer)
    expect(await short).toBe(0)
    await broker.start()
    expect((await feeds[1])?.status).toBe(201)
    expect(await long).toBe(0)
  }, 120_000)
})
