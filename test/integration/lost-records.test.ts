import { createErasures } from '#runtime/erase/erasures.ts'
import { Kafka, logLevel } from 'kafkajs'
import { register } from 'prom-client'
import { expect, test, vi } from 'vitest'
import { consume } from '#runtime/consume/consume.ts'
import { type Handler, ok } from '#runtime/consume/outcome.ts'
import { onHeadersOf } from '#runtime/consume/subscription.ts'
import { openProducer } from '#runtime/kafka/produce.ts'
import { writeMetadata } from '#runtime/offsets/find-loss.ts'
import { commitFor } from '#runtime/offsets/group-offsets.ts'
import { readEnv } from '#runtime/process/config.ts'
import { createLog } from '#runtime/process/log.ts'
import { consumerSettings, kafkaSettings, producerSettings } from '#runtime/process/settings.ts'
import { createCodec } from '#schemas/codec.ts'
import type { OpsEvent } from '#schemas/generated/types.ts'
import { createRegistry } from '#schemas/registry.ts'
import { topics } from '#schemas/topics.ts'
import { commands } from '../../services/cli/commands.ts'
import { createContext } from '../harness/context.ts'
import { createDatabase } from '../harness/database.ts'
import { deleteRecords, remakeTopic } from '../harness/group.ts'
import { runCommand } from '../harness/run-command.ts'
import { stackEnv, testEnv } from '../harness/stack.ts'
import { createTopics, type TestTopics } from '../harness/topics.ts'
import { waitFor } from '../harness/wait-for.ts'

const topic = topics.crawlFinished.name
/** Of the audit log. */
const database = await createDatabase()

const readAudit = () =>
  database.query<{ kind: string; subject: string }>(
    `SELECT kind, subject FROM cli.audit_view WHERE kind LIKE 'cli.groups.%' ORDER BY audit_id`,
  )

/** The scheduler's group, whose handler notes the keys that it gets on partition 0. */
async function startGroup({ prefix }: TestTopics, handle?: Handler<undefined>) {
  const env = { ...testEnv(), TOPIC_PREFIX: prefix }
  const settings = readEnv({ ...kafkaSettings, ...producerSettings, ...consumerSettings }, env)
  const service = createContext('scheduler')
  const codec = createCodec(createRegistry(settings.SCHEMA_REGISTRY_URL))
  const producer = await openProducer(settings, service.context)
  const keys: string[] = []
  const note: Handler<undefined> = async (batch) => {
    await handle?.(batch)
    keys.push(...batch.map(({ key }) => key))
    return batch.map(() => ok())
  }
  await consume(settings, service.context, { codec, producer, erasures: createErasures() }, [
    onHeadersOf(topics.crawlFinished, note),
  ])
  const findLoss = () => {
    try {
      void service.checks.get('lost_records')?.()
      return null
    } catch (error) {
      return (error as Error).message
    }
  }
  return { ...service, keys, findLoss }
}

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => String(from + n))

async function produce(testTopics: TestTopics, keys: string[]): Promise<void> {
  await testTopics.produce(
    topic,
    keys.map((key) => ({ key, value: 'x', partition: 0 })),
  )
}

/** The ops events about losses, without ids and times. */
async function readTold(testTopics: TestTopics) {
  const codec = createCodec(createRegistry(testEnv().SCHEMA_REGISTRY_URL as string))
  const read = await testTopics.read(topics.opsEvents.name)
  const events = await Promise.all(read.map(({ value }) => codec.decode<OpsEvent>(topics.opsEvents, value)))
  return events.map(({ kind, service, subject, resolved, facts }) => ({ kind, service, subject, resolved, facts }))
}

function runGroups<T>(testTopics: TestTopics, ...args: string[]): Promise<T> {
  const env = { ...testEnv(), TOPIC_PREFIX: testTopics.prefix, DATABASE_URL: database.url }
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value)
  return runCommand<T>(commands.groups, ...args).finally(() => vi.unstubAllEnvs())
}

const told = (from: number, to: number, more: object = {}) => ({
  ...{ kind: 'records-lost', service: 'scheduler', subject: `${topic}/0`, resolved: false },
  facts: { topic, partition: '0', from: String(from), to: String(to), count: String(to - from) },
  ...more,
})

test('records deleted while a service was away are told once, and keep it not ready until they are accepted', async () => {
  const testTopics = await createTopics()
  await produce(testTopics, numbers(0, 5))
  const first = await startGroup(testTopics)
  await waitFor('the first records', () => first.keys.length === 5)
  expect(first.findLoss()).toBeNull()
  await first.stop()
  await produce(testTopics, numbers(5, 15))
  await deleteRecords(testTopics.prefix + topic, 0, 12)

  const second = await startGroup(testTopics)
  await waitFor('the rest', () => second.keys.length === 3)
  expect(second.keys).toEqual(numbers(12, 15))
  expect(second.findLoss()).toContain(
    `7 records on partition 0 of ${topic} (offsets 5 to 11) were deleted before scheduler had read them. Run `,
  )
  expect(await register.getSingleMetricAsString('parma_lost_records')).toContain(
    `parma_lost_records{topic="${testTopics.prefix + topic}",partition="0",from="5",to="12"} 7`,
  )
  await second.stop()

  const third = await startGroup(testTopics)
  await produce(testTopics, ['15'])
  await waitFor('a new record', () => third.keys.length === 1)
  expect(third.findLoss()).toContain('7 records')
  expect(await readTold(testTopics)).toEqual([told(5, 12)])
  expect(await runGroups(testTopics, 'ls', '--service', 'scheduler', '--topic', topic)).toMatchObject([
    { partition: 0, committed: 16, first: 12, end: 16, lag: 0, lost: '5 to 11' },
    { partition: 1, committed: 0, lost: '' },
    { partition: 2, committed: 0, lost: '' },
  ])

  expect(await runGroups(testTopics, 'accept-loss', '--service', 'scheduler', '--dry-run')).toHaveLength(1)
  expect(await runGroups(testTopics, 'accept-loss', '--service', 'scheduler')).toHaveLength(1)
  expect(await readAudit()).toEqual([{ kind: 'cli.groups.accept-loss', subject: 'service:scheduler' }])
  await waitFor('readiness', () => third.findLoss() === null)
  expect(await readTold(testTopics)).toContainEqual(told(5, 12, { resolved: true }))
  await third.stop()
  const fourth = await startGroup(testTopics)
  await produce(testTopics, ['16'])
  await waitFor('one more record', () => fourth.keys.length === 1)
  expect(fourth.findLoss()).toBeNull()
  expect(await readTold(testTopics)).toHaveLength(2)
  expect([first, second, third, fourth].flatMap(({ failures }) => failures)).toEqual([])
})

test('records deleted before a service that runs could read them are told, and nothing else costs any', async () => {
  const testTopics = await createTopics()
  await produce(testTopics, numbers(0, 2))
  const begun = Promise.withResolvers<void>()
  const released = Promise.withResolvers<void>()
  const service = await startGroup(testTopics, () => (begun.resolve(), released.promise.then(() => [])))
  await begun.promise
  await produce(testTopics, numbers(2, 10))
  await deleteRecords(testTopics.prefix + topic, 0, 8)
  released.resolve()
  await waitFor('the last record', () => service.keys.includes('9'))
  expect(service.keys).toEqual(['0', '1', '8', '9'])
  expect(service.findLoss()).toContain('6 records on partition 0')
  expect(await readTold(testTopics)).toEqual([told(2, 8)])
  expect(service.failures).toEqual([])
})

test.each([
  ['ends before what was read', 200, 2],
  ['has grown past what was read', 5, 9],
])(
  'a topic that was cut or restored is read from its first record and told as such when it %s',
  async (_, offset, count) => {
    const testTopics = await createTopics()
    const env = { ...testEnv(), TOPIC_PREFIX: testTopics.prefix }
    await commitFor(readEnv(kafkaSettings, env), createLog('test', 'silent'), `${testTopics.prefix}scheduler`, [
      { topic: testTopics.prefix + topic, partition: 0, offset, metadata: writeMetadata({ newest: 1, losses: [] }) },
    ])
    await produce(testTopics, numbers(100, 100 + count))
    const service = await startGroup(testTopics)
    await waitFor('all records', () => service.keys.length === count)
    expect(service.keys).toEqual(numbers(100, 100 + count))
    expect(service.findLoss()).toContain('the topic was made anew or cut')
    expect(await readTold(testTopics)).toMatchObject([
      { kind: 'records-lost', facts: { from: '0', to: String(offset) } },
    ])
  },
)

test('a topic made anew under a service that runs is read from its first record and told', async () => {
  const testTopics = await createTopics()
  await produce(testTopics, numbers(0, 5))
  const service = await startGroup(testTopics)
  await waitFor('the first records', () => service.keys.length === 5)
  await remakeTopic(testTopics.prefix + topic, 3)
  await produce(testTopics, numbers(100, 103))
  await waitFor('the new records', () => service.keys.length === 8)
  expect(service.keys.slice(5)).toEqual(numbers(100, 103))
  expect(service.findLoss()).toContain('the topic was made anew or cut')
  expect(service.failures).toEqual([])
})

test('holes that transactions leave are no loss', async () => {
  const testTopics = await createTopics()
  const kafka = new Kafka({ clientId: 'test', brokers: [stackEnv().KAFKA_BROKERS ?? ''], logLevel: logLevel.NOTHING })
  const producer = kafka.producer({ transactionalId: testTopics.prefix, maxInFlightRequests: 1 })
  await producer.connect()
  for (const end of ['abort', 'commit', 'abort'] as const) {
    const transaction = await producer.transaction()
    await transaction.send({
      topic: testTopics.prefix + topic,
      messages: [{ key: end, value: 'x', partition: 0 }],
    })
    await transaction[end]()
  }
  await producer.disconnect()
  await produce(testTopics, ['last'])
  const first = await startGroup(testTopics)
  await waitFor('what is committed', () => first.keys.length === 2)
  expect(first.keys).toEqual(['commit', 'last'])
  await first.stop()
  const second = await startGroup(testTopics)
  await produce(testTopics, ['more'])
  await waitFor('the next', () => second.keys.length === 1)
  expect([first.findLoss(), second.findLoss()]).toEqual([null, null])
})

test('offsets are set for a service that does not run: a record left out, and all read again', async () => {
  const testTopics = await createTopics()
  await produce(testTopics, numbers(0, 5))
  const first = await startGroup(testTopics)
  await waitFor('the first records', () => first.keys.length === 5)
  const of = ['--service', 'scheduler', '--topic', topic, '--partition', '0']
  await expect(runGroups(testTopics, 'reset', ...of, '--to', 'earliest', '--yes')).rejects.toThrow('is running')
  await first.stop()
  await produce(testTopics, numbers(5, 8))
  expect(await runGroups(testTopics, 'skip', ...of, '--count', '2', '--dry-run')).toMatchObject([
    { committed: 5, to: 7 },
  ])
  await expect(runGroups(testTopics, 'skip', ...of)).rejects.toThrow('Confirm with --yes')
  await runGroups(testTopics, 'skip', ...of, '--count', '2', '--yes')
  const second = await startGroup(testTopics)
  await waitFor('the record after', () => second.keys.length === 1)
  expect(second.keys).toEqual(['7'])
  await second.stop()
  await runGroups(testTopics, 'reset', ...of, '--to', 'earliest', '--yes')
  const did = (await readAudit()).map(({ kind }) => kind)
  expect(did.slice(-2)).toEqual(['cli.groups.skip', 'cli.groups.reset'])
  const third = await startGroup(testTopics)
  await waitFor('all again', () => third.keys.length === 8)
  expect(third.findLoss()).toBeNull()
})
