import { setTimeout as delay } from 'node:timers/promises'
import { beforeAll, expect, test } from 'vitest'
import { sendSignal } from '../../deploy/local/process-identity.ts'
import { runParma } from '../../deploy/local/parma.ts'
import { describeAccess } from '../../schemas/kafka-access.ts'
import { allTopics, deadLetterTopic, topics } from '../../schemas/topics.ts'
import { onCleanup } from '../harness/cleanup.ts'
import { type Cluster, startCluster } from '../harness/cluster.ts'
import { startFeeding } from '../harness/feeding.ts'
import { createInstallation, type Installation } from '../harness/installation.ts'
import { makePayloads, map } from '../harness/nemesis/load.ts'
import { startProcess } from '../harness/process.ts'
import { startSystem } from '../harness/system.ts'
import { waitFor } from '../harness/wait-for.ts'

let cluster: Cluster
beforeAll(async () => {
  cluster = await startCluster()
}, 400_000)

/** Makes the topics of an installation on the cluster, by the user that does so in production. */
async function applyTopics({ env, topics: own }: Installation): Promise<void> {
  await cluster.allow(own.prefix)
  await runParma({ ...env, ...cluster.env('setup'), TOPIC_REPLICAS: '3' }, 'topics', 'apply')
}

test('each user writes, sees and reads in groups what schemas/kafka-access.ts says, and is refused all else', async () => {
  const installation = await createInstallation()
  await applyTopics(installation)
  const { prefix } = installation.topics
  const names = allTopics.flatMap((topic) => [
    topic.name,
    ...topic.consumers.map((consumer) => deadLetterTopic(topic, consumer).name),
  ])
  const groups = [...new Set(allTopics.flatMap(({ consumers }) => consumers))]
  const wrong: string[] = []
  let asked = 0
  for (const [user, list] of Object.entries(describeAccess())) {
    const may = (type: string, name: string, operation: string) =>
      list.some((one) => one.type === type && one.names.includes(name) && one.operations.includes(operation))
    const kafka = cluster.kafka(user)
    const [producer, admin] = [kafka.producer({ allowAutoTopicCreation: false, retry: { retries: 0 } }), kafka.admin()]
    await Promise.all([producer.connect(), admin.connect()])
    onCleanup(async () => void (await Promise.all([producer.disconnect(), admin.disconnect()])))
    const check = async (what: string, isAllowed: boolean, work: () => Promise<unknown>) => {
      const refusal = await work().then(
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
        producer.send({ topic, acks: -1, messages: [{ value: 'x' }] }),
      )
      await check(`see ${name}`, may('topic', name, 'Describe'), () => admin.fetchTopicOffsets(topic))
    }
    for (const group of groups)
      await check(`see the group ${group}`, may('group', group, 'Describe'), () =>
        admin.fetchOffsets({ groupId: prefix + group }),
      )
  }
  console.log(`${asked} questions of ${Object.keys(describeAccess()).length} users were answered as they should be`)
  expect(wrong).toEqual([])
})

test('a service with the login of another one says clearly that it may not', async () => {
  const installation = await createInstallation()
  await applyTopics(installation)
  const env = { ...installation.env, ...cluster.env('scheduler'), HEALTH_PORT: '0' }
  const says = /not authorized/i
  const service = startProcess('notifier', ['services/notifier/main.ts'], env, () => false, 60_000)
  await expect(service).rejects.toThrow(says)
})

test('a broker that is killed and one that freezes, under load: nothing acknowledged is lost', async () => {
  const [companies, seconds] = [6, 90]
  const system = await startSystem({
    map,
    companies,
    env: { SLACK_INTERVAL_MS: '0' },
    prepare: applyTopics,
    envOf: (name) => Promise.resolve(cluster.env(name)),
  })
  const took: number[] = []
  const timed: typeof system.feed = async (...payload) => {
    const begun = performance.now()
    const answer = await system.feed(...payload)
    took.push(performance.now() - begun)
    return answer
  }
  const payloads = makePayloads(companies, seconds * 5)
  const feeding = startFeeding({ feed: timed }, payloads, { overMs: seconds * 1000 })
  const percentile = (part: number) => Math.round(took.sort((a, b) => a - b)[Math.floor(part * took.length)] ?? 0)
  const stall = async (what: string, work: () => Promise<void>) => {
    took.length = 0
    await work()
    console.log(`${what}: ${took.length} payloads acknowledged, p50 ${percentile(0.5)} ms, p99 ${percentile(0.99)} ms`)
  }
  await stall('all brokers well', () => delay(15_000))
  await stall('one broker killed, and 20 s later', async () => {
    cluster.brokers[0]?.end('SIGKILL')
    await delay(20_000)
  })
  await stall('one broker frozen for 15 s, and 10 s later', async () => {
    const pid = cluster.brokers[1]?.pid() ?? 0
    onCleanup(() => sendSignal(pid, 'SIGCONT'))
    sendSignal(pid, 'SIGSTOP')
    await delay(15_000)
    sendSignal(pid, 'SIGCONT')
    await delay(10_000)
  })
  const { documents, refusals } = await feeding.done
  console.log(`answers other than 201: ${JSON.stringify(refusals)}`)
  const counts = await system.settled(payloads.length, 180_000)
  expect(counts).toMatchObject({ documents: payloads.length, normalized: payloads.length, deadLetters: 0 })
  const rows = await system.database.query<{ event_id: string }>('SELECT event_id FROM normalizer.processed_event')
  expect(rows.map(({ event_id }) => event_id).sort()).toEqual([...documents].sort())
  expect(new Set(documents).size).toBe(payloads.length)
  await waitFor('all services', () => Object.values(system.services).every((service) => service.isReady()))
})

test('the topics of an installation lie on three brokers, and two must have a record', async () => {
  const installation = await createInstallation()
  await applyTopics(installation)
  const admin = cluster.kafka('admin').admin()
  await admin.connect()
  onCleanup(() => admin.disconnect())
  const topic = installation.topics.prefix + topics.rawPayloads.name
  const { topics: found } = await admin.fetchTopicMetadata({ topics: [topic] })
  expect(found[0]?.partitions.map(({ replicas }) => replicas.length)).toEqual(Array(6).fill(3))
})
