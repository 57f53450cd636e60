import type { Admin } from 'kafkajs'
import { allTopics, deadLetterTopic } from '#schemas/topics.ts'
import type { KafkaSettings } from '../process/settings.ts'
import { createKafka, prefixed } from '../kafka/client.ts'
import type { Log } from '../process/log.ts'

/**
 * Records of a topic that a service has not committed yet (`lag`), those it has given up on, and how many were ever written.
 */
export type GroupLag = { service: string; topic: string; lag: number; dead_letters: number; written: number }

/** How far each service is behind on each topic it consumes. Throws when the broker cannot be reached. */
export async function readGroupLag(settings: KafkaSettings, log: Log): Promise<GroupLag[]> {
  const admin = createKafka(settings, 'parma-status', log).admin()
  await admin.connect()
  try {
    const pairs = allTopics.flatMap((topic) => topic.consumers.map((service) => ({ service, topic })))
    return await Promise.all(
      pairs.map(async ({ service, topic }) => {
        const name = prefixed(settings, topic.name)
        const [ends, [committed], letters] = await Promise.all([
          admin.fetchTopicOffsets(name),
          admin.fetchOffsets({ groupId: prefixed(settings, service), topics: [name] }),
          admin.fetchTopicOffsets(prefixed(settings, deadLetterTopic(topic, service).name)),
        ])
        const offsets = new Map(committed?.partitions.map(({ partition, offset }) => [partition, Number(offset)]))
        return {
          service,
          topic: topic.name,
          lag: countAfter(ends, (partition) => offsets.get(partition) ?? -1),
          dead_letters: countAfter(letters, () => -1),
          written: ends.reduce((sum, { high }) => sum + Number(high), 0),
        }
      }),
    )
  } finally {
    await admin.disconnect()
  }
}

/** Records that a topic holds from the given offset of each partition on; -1: from its first. */
function countAfter(
  ends: Awaited<ReturnType<Admin['fetchTopicOffsets']>>,
  from: (partition: number) => number,
): number {
  return ends.reduce((sum, { partition, low, high }) => sum + Number(high) - Math.max(from(partition), Number(low)), 0)
}
