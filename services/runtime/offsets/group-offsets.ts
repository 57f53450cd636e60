import type { Admin } from 'kafkajs'
import { z } from 'zod'
import { createKafka, readerSessionMs } from '../kafka/client.ts'
import type { Log } from '../process/log.ts'
import type { KafkaSettings } from '../process/settings.ts'

/** What a group has committed for a partition; `offset` is negative when that is nothing. */
export type Committed = { topic: string; partition: number; offset: number; metadata: string | null }

/** What `group` has committed for all partitions of `topics` (names in the cluster). */
export async function readCommitted(admin: Admin, group: string, topics: readonly string[]): Promise<Committed[]> {
  const found = await admin.fetchOffsets({ groupId: group, topics: [...topics] })
  return found.flatMap(({ topic, partitions }) =>
    partitions.map(({ partition, offset, metadata }) => ({ topic, partition, offset: Number(offset), metadata })),
  )
}

/** The first offset of each partition and the one after its last. */
export async function readExtents(admin: Admin, topic: string): Promise<Map<number, { low: number; high: number }>> {
  const found = await admin.fetchTopicOffsets(topic)
  return new Map(found.map(({ partition, low, high }) => [partition, { low: Number(low), high: Number(high) }]))
}

/**
 * Commits offsets in the name of a group without members. The broker gives partitions to whoever joins: with members, this
 * would take theirs away.
 */
export async function commitFor(
  settings: KafkaSettings,
  log: Log,
  group: string,
  offsets: readonly Committed[],
): Promise<void> {
  if (offsets.length === 0) return
  const consumer = createKafka(settings, 'parma-offsets', log).consumer({
    groupId: group,
    sessionTimeout: readerSessionMs,
    allowAutoTopicCreation: false,
    maxWaitTimeInMs: 200,
  })
  const topics = [...new Set(offsets.map(({ topic }) => topic))]
  const { promise: joined, resolve, reject } = Promise.withResolvers<void>()
  consumer.on('consumer.group_join', () => {
    consumer.pause(topics.map((topic) => ({ topic })))
    resolve()
  })
  consumer.on('consumer.crash', ({ payload: { error, restart } }) => {
    if (!restart) reject(error)
  })
  await consumer.connect()
  try {
    await consumer.subscribe({ topics, fromBeginning: true })
    await consumer.run({ autoCommit: false, eachBatchAutoResolve: false, eachBatch: () => Promise.resolve() })
    await joined
    await consumer.commitOffsets(offsets.map((one) => ({ ...one, offset: String(one.offset) })))
  } finally {
    await consumer.disconnect()
  }
}

const acceptance = z.object({ until: z.number() }).catch({ until: 0 })

/** ms since 1970 until which losses are accepted; 0: none are. */
export function readAcceptance(metadata: string | null): number {
  return acceptance.parse(metadata?.startsWith('{') ? JSON.parse(metadata) : null).until
}

export function writeAcceptance(until: number): string {
  return JSON.stringify({ until })
}
