import { randomBytes } from 'node:crypto'
import { type IHeaders, Kafka, logLevel } from 'kafkajs'
import { applyTopics } from '../../services/cli/topics.ts'
import { onCleanup } from './cleanup.ts'
import { stackEnv, testEnv } from './stack.ts'

type SentRecord = {
  key: string | Buffer | null
  value: Buffer | string | null
  headers?: IHeaders
  partition?: number
  /** When it was appended, as it says: ms since 1970. */
  timestamp?: string
}
export type ReadRecord = {
  partition: number
  offset: number
  /** When it was sent, ms since 1970. */
  sentAt: number
  key: string | null
  value: Buffer | null
  headers: Record<string, string>
}

/** The topics of one test, by their names in schemas/topics.ts, without the prefix. */
export type TestTopics = {
  /** The value of TOPIC_PREFIX. */
  prefix: string
  /** Sends records as they are and resolves when the broker has them. */
  produce(topic: string, records: SentRecord[]): Promise<void>
  /** All records a topic holds now, partition by partition. */
  read(topic: string): Promise<ReadRecord[]>
}

/** Creates topics and registers schemas under a random prefix. The topics are deleted when the test is over. */
export async function createTopics(): Promise<TestTopics> {
  const prefix = `t${randomBytes(6).toString('hex')}.`
  const kafka = new Kafka({ clientId: 'test', brokers: [stackEnv().KAFKA_BROKERS ?? ''], logLevel: logLevel.NOTHING })
  onCleanup(() => deleteTopics(kafka, prefix))
  // Three are enough for every test of the order per key, and half as slow as the six of an installation.
  await applyTopics({}, { ...testEnv(), TOPIC_PREFIX: prefix, TOPIC_PARTITIONS: '3' })
  return openTopics(kafka, prefix)
}

/** The topics of a prefix, which exist, for a client that may do everything with them. */
export function openTopics(kafka: Kafka, prefix: string): TestTopics {
  return {
    prefix,
    produce: (topic, records) => produce(kafka, prefix + topic, records),
    read: (topic) => readTopic(kafka, prefix + topic),
  }
}

async function deleteTopics(kafka: Kafka, prefix: string): Promise<void> {
  const admin = kafka.admin()
  await admin.connect()
  try {
    const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(prefix))
    await admin.deleteTopics({ topics })
  } finally {
    await admin.disconnect()
  }
}

async function produce(kafka: Kafka, topic: string, messages: SentRecord[]): Promise<void> {
  const producer = kafka.producer({ allowAutoTopicCreation: false })
  await producer.connect()
  await producer.send({ topic, acks: -1, messages }).finally(() => producer.disconnect())
}

async function readTopic(kafka: Kafka, topic: string): Promise<ReadRecord[]> {
  const admin = kafka.admin()
  await admin.connect()
  const offsets = await admin.fetchTopicOffsets(topic).finally(() => admin.disconnect())
  const ends = new Map(
    offsets.filter(({ low, high }) => low !== high).map(({ partition, high }) => [partition, Number(high)]),
  )
  const records: ReadRecord[] = []
  if (ends.size === 0) return records
  const consumer = kafka.consumer({ groupId: `${topic}.test-${randomBytes(6).toString('hex')}`, maxWaitTimeInMs: 100 })
  await consumer.connect()
  try {
    await consumer.subscribe({ topic, fromBeginning: true })
    await new Promise<void>((done, fail) => {
      // After a retriable error kafkajs restarts the consumer itself.
      consumer.on('consumer.crash', ({ payload }) => payload.restart || fail(payload.error))
      const run = consumer.run({
        autoCommit: false,
        eachBatch: async ({ batch }) => {
          const { partition, messages } = batch
          const end = ends.get(partition)
          if (end === undefined) return
          for (const { offset, timestamp, key, value, headers = {} } of messages)
            if (Number(offset) < end)
              records.push({
                partition,
                offset: Number(offset),
                sentAt: Number(timestamp),
                key: key?.toString() ?? null,
                value,
                headers: Object.fromEntries(Object.entries(headers).map(([name, header]) => [name, String(header)])),
              })
          if (Number(batch.lastOffset()) + 1 >= end) ends.delete(partition)
          if (ends.size === 0) done()
        },
      })
      run.catch(fail)
    })
  } finally {
    await consumer.disconnect()
  }
  return records.sort((a, b) => a.partition - b.partition || a.offset - b.offset)
}
