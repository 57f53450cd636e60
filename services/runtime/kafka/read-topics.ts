import { randomUUID } from 'node:crypto'
import type { KafkaSettings } from '../process/settings.ts'
import { createKafka, metadataMaxAgeMs, readerSessionMs } from './client.ts'
import type { Log } from '../process/log.ts'
import { asRecord, type FetchedRecord } from './record.ts'
import { retryTransient } from '../calls/retry.ts'

/**
 * Gives `onRecord` everything that `topics` (names in the cluster) hold at the time of the call, each record once, in order
 * per partition, the next one when it is done with the last. Nothing is committed. Topics that do not exist are passed over.
 */
export async function readTopics(
  settings: KafkaSettings,
  log: Log,
  topics: readonly string[],
  onRecord: (record: FetchedRecord) => void | Promise<void>,
): Promise<void> {
  const kafka = createKafka(settings, 'parma-read', log)
  const missing = await findEnds(kafka, topics)
  if (missing.size === 0) return
  // Nobody else is in this group and nothing is ever committed to it, so it vanishes with this process.
  const consumer = kafka.consumer({
    groupId: `${settings.TOPIC_PREFIX}parma.read.${randomUUID()}`,
    sessionTimeout: readerSessionMs,
    allowAutoTopicCreation: false,
    metadataMaxAge: metadataMaxAgeMs,
    maxWaitTimeInMs: 200,
  })
  const { promise: complete, resolve, reject } = Promise.withResolvers<void>()
  consumer.on('consumer.crash', ({ payload: { error, restart } }) => {
    if (!restart) reject(error)
  })
  await consumer.connect()
  try {
    await consumer.subscribe({
      topics: [...new Set([...missing.values()].map(({ topic }) => topic))],
      fromBeginning: true,
    })
    await consumer.run({
      autoCommit: false,
      async eachBatch({ batch, heartbeat }) {
        const { topic, partition, messages } = batch
        const left = missing.get(`${topic}/${partition}`)
        if (!left) return
        for (const message of messages) {
          const { offset } = message
          // Whoever loses its partitions and gets them back begins at the first record again.
          if (BigInt(offset) < left.low || BigInt(offset) >= left.high) continue
          await onRecord(asRecord(topic, partition, message))
          left.low = BigInt(offset) + 1n
          await heartbeat()
        }
        if (BigInt(batch.lastOffset()) + 1n >= left.high) missing.delete(`${topic}/${partition}`)
        if (missing.size === 0) resolve()
      },
    })
    await complete
  } finally {
    await consumer.disconnect()
  }
}

/** Where each partition that holds anything ends. */
async function findEnds(kafka: ReturnType<typeof createKafka>, topics: readonly string[]) {
  const admin = kafka.admin()
  await admin.connect()
  try {
    const there = new Set(await admin.listTopics())
    const ends = await Promise.all(
      topics
        .filter((topic) => there.has(topic))
        .map(async (topic) => {
          const offsets = await retryTransient(() => admin.fetchTopicOffsets(topic), {
            signal: AbortSignal.timeout(30_000),
          })
          return offsets.map(({ partition, low, high }) => ({ topic, partition, low: BigInt(low), high: BigInt(high) }))
        }),
    )
    return new Map(
      ends
        .flat()
        .filter(({ low, high }) => high > low)
        .map((one) => [`${one.topic}/${one.partition}`, one]),
    )
  } finally {
    await admin.disconnect()
  }
}
