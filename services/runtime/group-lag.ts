import { allTopics } from '#schemas/topics.ts'
import type { KafkaSettings } from './config.ts'
import { createKafka, prefixed } from './kafka.ts'
import type { Log } from './log.ts'

/** Records of a topic that a consumer group has not committed yet. */
export type GroupLag = { service: string; topic: string; lag: number }

/** How far each service is behind on each topic it consumes. Throws when the broker cannot be reached. */
export async function readGroupLag(settings: KafkaSettings, log: Log): Promise<GroupLag[]> {
  const admin = createKafka(settings, 'parma-status', log).admin()
  await admin.connect()
  try {
    const pairs = allTopics.flatMap((topic) => topic.consumers.map((service) => ({ service, topic: topic.name })))
    return await Promise.all(
      pairs.map(async ({ service, topic }) => {
        const name = prefixed(settings, topic)
        const [ends, [committed]] = await Promise.all([
          admin.fetchTopicOffsets(name),
          admin.fetchOffsets({ groupId: prefixed(settings, service), topics: [name] }),
        ])
        const lag = ends.reduce((sum, { partition, low, high }) => {
          const offset = Number(committed?.partitions.find((one) => one.partition === partition)?.offset ?? -1)
          return sum + Number(high) - Math.max(offset, Number(low))
        }, 0)
        return { service, topic, lag }
      }),
    )
  } finally {
    await admin.disconnect()
  }
}
