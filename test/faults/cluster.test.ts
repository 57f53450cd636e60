import { setTimeout as delay } from 'node:timers/promises'
import type { EachBatchPayload } from 'kafkajs'
import { beforeAll, expect, test } from 'vitest'
import { retryTransient } from '#runtime/calls/retry.ts'
import { runParma } from '../../deploy/local/parma.ts'
import { sendSignal } from '../../deploy/local/process-identity.ts'
import { clusterAdmin } from '../../deploy/local/kafka-users.ts'
import { describeAccess } from '../../schemas/kafka-access.ts'
import { allTopics, deadLetterTopic, topics } from '../../schemas/topics.ts'
import { onCleanup } from '../harness/cleanup.ts'
import { type Cluster, moveGroups, startCluster } from '../harness/cluster.ts'
import { startFeeding } from '../harness/feeding.ts'
import { createInstallation } from '../harness/installation.ts'
import { makePayloads, map } from '../harness/nemesis/load.ts'
import { startProcess } from '../harness/process.ts'
import { startSystem } from '../harness/system.ts'
import { waitFor } from '../harness/wait-for.ts'

let cluster: Cluster
beforeAll(async () => {
  cluster = await startCluster()
}, 400_000)

async function openAdmin(user = clusterAdmin) {
  const admin = cluster.kafka(user).admin()
  await admin.connect()
  onCleanup(() => admin.disconnect())
  return admin
}

/** Resolves when a user has got a record of each of `names` as a member of a group. */
async function read(user: string, groupId: string, names: readonly string[]): Promise<void> {
  const consumer = cluster.kafka(user).consumer({ groupId, maxWaitTimeInMs: 100 })
  const missing = new Set(names)
  try {
    await consumer.connect()
    await consumer.subscribe({ topics: [...names], fromBeginning: true })
    await new Promise<void>((done, fail) => {
      consumer.on('consumer.crash', ({ payload }) => payload.restart || fail(payload.error))
      const eachBatch = async ({ batch }: EachBatchPayload) => {
        missing.delete(batch.topic)
        if (missing.size === 0) done()
      }
      consumer.run({ autoCommit: false, eachBatch }).catch(fail)
    })
  } finally {
    await consumer.disconnect()
  }
}

test('each user writes, sees and reads what schemas/kafka-access.ts says, and is refused all else', async () => {
  const { prefix, produce } = await cluster.createTopics()
  const names = allTopics.flatMap((topic) => [
    topic.name,
    ...topic.consumers.map((consumer) => deadLetterTopic(topic, consumer).name),
  ])
  const groups = [...new Set(allTopics.flatMap(({ consumers }) => consumers))]
  const record = { key: 'x', value: 'x' }
  for (const name of names) await produce(name, [record])
  const wrong: string[] = []
  let asked = 0
  for (const [user, list] of Object.entries(describeAccess())) {
    const may = (type: string, name: string, operation: string) =>
      list.some((one) => one.type === type && one.names.includes(name) && one.operations.includes(operation))
    const admin = await openAdmin(user)
    const producer = cluster.kafka(user).producer({ allowAutoTopicCreation: false })
    await producer.connect()
    onCleanup(() => producer.disconnect())
    const check = async (what: string, isAllowed: boolean, work: () => Promise<unknown>) => {
      // A coordinator may still be loading its groups.
      const refusal = await retryTransient(work, { signal: AbortSignal.timeout(60_000) }).then(
        () => null,
        (error: Error) => error.message,
      )
      asked++
      if (isAllowed && refusal !== null) wrong.push(`${user} may ${what}, and is told: ${refusal}`)
      if (!isAllowed && refusal === null) wrong.push(`${user} may not ${what}, and can`)
      if (!isAllowed && refusal !== null && !/not authorized/i.test(refusal)) wrong.push(`${user}, ${what}: ${refusal}`)
    }
    for (const name of names) {
      const topic = prefix + name
      await check(`write ${name}`, may('topic', name, 'Write'), () =>
        producer.send({ topic, acks: -1, messages: [record] }),
      )
      await check(`see ${name}`, may('topic', name, 'Describe'), () => admin.fetchTopicOffsets(topic))
    }
    for (const group of groups)
      await check(`see the group ${group}`, may('group', group, 'Describe'), () =>
        admin.fetchOffsets({ groupId: prefix + group }),
      )
    const ofItsOwn = list.find(({ type, operations }) => type === 'group' && operations.includes('Read'))
    const groupId = prefix + (ofItsOwn?.names[0] ?? 'nobody')
    const readable = names.filter((name) => may('topic', name, 'Read'))
    if (readable.length > 0)
      await check(`read ${readable.join(', ')}`, true, () =>
        read(
          user,
          groupId,
          readable.map((name) => prefix + name),
        ),
      )
    for (const name of names.filter((one) => !readable.includes(one)))
      await check(`read ${name}`, false, () => read(user, groupId, [prefix + name]))
    const [known] = names.filter((name) => may('topic', name, 'Describe'))
    for (const group of groups.filter((one) => !may('group', one, 'Read')))
      await check(`join the group ${group}`, false, () => read(user, prefix + group, [prefix + known]))
  }
  console.log(`${asked} questions of ${Object.keys(describeAccess()).length} users, ${wrong.length} answered wrongly`)
  expect(wrong).toEqual([])
})

test('a service with the login of another one says clearly that it may not', async () => {
  const installation = await createInstallation(() => cluster.createTopics())
  const env = { ...installation.env, ...cluster.env('scheduler'), HEALTH_PORT: '0' }
  const says = /not authorized/i
  const service = startProcess('notifier', ['services/notifier/main.ts'], env, () => false, 60_000)
  await expect(service).rejects.toThrow(says)
})

test('commands work with the login of an operator', async () => {
  const { env, topics: own } = await createInstallation(() => cluster.createTopics())
  const parma = (...args: string[]) => runParma({ ...env, ...cluster.env('operator') }, ...args)
  expect(await parma('dlq', 'ls')).toContain('none')
  await own.produce(topics.news.name, [{ key: 'x', value: 'x', partition: 0 }])
  const news = ['--service', 'notifier', '--topic', topics.news.name]
  expect(await parma('groups', 'reset', ...news, '--to', 'earliest', '--yes')).toContain('Set for notifier')
  const admin = await openAdmin()
  const topic = own.prefix + topics.news.name
  await admin.fetchTopicOffsets(topic)
  await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '1' }] })
  expect(await parma('groups', 'ls', ...news)).toMatch(/^notifier .* 0 .*1/m)
  expect(await parma('groups', 'accept-loss', ...news)).toContain('Accepted: what notifier lost on 1 partition.')
})

test('an operator adds partitions', async () => {
  const { env, topics: own } = await createInstallation(() => cluster.createTopics())
  const wanted = { TOPIC_PARTITIONS: `${topics.rawPayloads.name}=8`, TOPIC_REPLICAS: '3' }
  await runParma({ ...env, ...cluster.env('operator'), ...wanted }, 'topics', 'apply', '--repartition')
  const admin = await openAdmin()
  const { topics: found } = await admin.fetchTopicMetadata({ topics: [own.prefix + topics.rawPayloads.name] })
  expect(found[0]?.partitions).toHaveLength(8)
})

test('the topics of an installation lie on three brokers, and two must have a record', async () => {
  const { prefix } = await cluster.createTopics()
  const admin = await openAdmin()
  const topic = prefix + topics.rawPayloads.name
  const { topics: found } = await admin.fetchTopicMetadata({ topics: [topic] })
  expect(found[0]?.partitions.map(({ replicas }) => replicas.length)).toEqual(Array(6).fill(3))
})

test('a member commits to the broker that has become the coordinator of its group', async () => {
  const { prefix } = await cluster.createTopics()
  const admin = await openAdmin()
  const [groupId, topic] = [`${prefix}moved`, prefix + topics.opsEvents.name]
  // A heartbeat would show it the other coordinator, too.
  const consumer = cluster.kafka(clusterAdmin).consumer({ groupId, sessionTimeout: 60_000, heartbeatInterval: 50_000 })
  const joined = new Promise((done) => consumer.on('consumer.group_join', done))
  await consumer.connect()
  onCleanup(() => consumer.disconnect())
  await consumer.subscribe({ topic })
  await consumer.run({ autoCommit: false, eachBatch: () => Promise.resolve() })
  await joined
  await moveGroups(admin)
  await consumer.commitOffsets([{ topic, partition: 0, offset: '7' }])
  const [committed] = await admin.fetchOffsets({ groupId, topics: [topic] })
  expect(committed?.partitions.find(({ partition }) => partition === 0)).toMatchObject({ offset: '7' })
  await cluster.inSync()
})

test('a broker that is killed and one that freezes, under load: nothing acknowledged is lost', async () => {
  const [companies, seconds] = [6, 150]
  const system = await startSystem({
    map,
    companies,
    env: { SLACK_INTERVAL_MS: '0' },
    makeTopics: () => cluster.createTopics(),
    envOf: (name) => Promise.resolve(cluster.env(name)),
  })
  const payloads = makePayloads(companies, seconds * 5)
  let took: number[] = []
  const feeding = startFeeding(system, payloads, { overMs: seconds * 1000, onTaken: (ms) => void took.push(ms) })
  const stall = async (what: string, work: () => Promise<void>) => {
    took = []
    await work()
    const sorted = took.toSorted((a, b) => a - b)
    const percentile = (part: number) => Math.round(sorted[Math.floor(part * sorted.length)] ?? NaN)
    console.log(
      `${what}: ${sorted.length} payloads acknowledged, p50 ${percentile(0.5)} ms, p99 ${percentile(0.99)} ms`,
    )
  }
  await stall('all brokers well', () => delay(15_000))
  await stall('one broker killed, and started again', async () => {
    cluster.brokers[0]?.end('SIGKILL')
    await delay(15_000)
    await cluster.inSync()
  })
  const freeze = async (...frozen: number[]) => {
    const pids = frozen.map((index) => cluster.brokers[index]?.pid() ?? 0)
    const send = (signal: NodeJS.Signals) => pids.forEach((pid) => sendSignal(pid, signal))
    onCleanup(() => send('SIGCONT'))
    send('SIGSTOP')
    await delay(15_000)
    send('SIGCONT')
    await delay(10_000)
    await cluster.inSync()
  }
  await stall('one broker frozen for 15 s, and 10 s later', () => freeze(1))
  // No record can be on two brokers: what is fed waits.
  await stall('two brokers frozen for 15 s, and 10 s later', () => freeze(1, 2))
  const { documents, refusals } = await feeding.done
  console.log(`answers other than 201: ${JSON.stringify(refusals)}`)
  const counts = await system.settled(payloads.length, 180_000)
  expect(counts).toMatchObject({ documents: payloads.length, normalized: payloads.length, deadLetters: 0 })
  const rows = await system.database.query<{ event_id: string }>('SELECT event_id FROM normalizer.processed_event')
  expect(rows.map(({ event_id }) => event_id).sort()).toEqual([...documents].sort())
  expect(new Set(documents).size).toBe(payloads.length)
  await waitFor('all services', () => Object.values(system.services).every((service) => service.isReady()))
  for (const [name, service] of Object.entries(system.services)) {
    expect(service.crashes(), `how often ${name} ended`).toBe(0)
    expect(service.logs(), `what ${name} says`).not.toMatch(/not authorized/i)
  }
})
