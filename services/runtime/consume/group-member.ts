import { withDeadline } from '../calls/deadline.ts'
import { connectConsumer, createKafka, metadataMaxAgeMs, onSignOfLife, runConsumer } from '../kafka/client.ts'
import type { ConsumerSettings, KafkaSettings } from '../process/settings.ts'
import type { ServiceContext } from '../process/service.ts'
import { joins, pausedPartitions } from '../process/metrics.ts'
import { forgetLag } from '../offsets/lag-metric.ts'
import type { LossWatch } from '../offsets/loss-watch.ts'
import { type Lane, nameOf } from './lane.ts'
import type { WorkBatch } from './work-batch.ts'

/** What all members of a process together fetch at once and hold in memory until it is processed; a larger single record
 *  is still fetched. */
const fetchBytes = 8 * 1024 * 1024

/** How long a partition rests after too many dead letters in a row, until its next records are tried again. */
const pauseMs = 60_000

/**
 * How long a member may take to see that others come or go. All partitions of the group rest until its last member has seen
 * it (docs/decisions/0011-rolling-restarts-with-kafkajs.md).
 */
const heartbeatMs = 1000

/** How long the end of a member waits for its last commit. */
const lastCommitMs = 3000

export type Membership = {
  group: string
  /** Names in the cluster. */
  topics: string[]
  lane: Lane
  /** Which of the process's members this is, and how many there are. */
  index: number
  members: number
  losses: LossWatch
  workBatch: WorkBatch
}

/**
 * Joins the group once more and gives `workBatch` what is fetched, until the service stops. Each member fetches for itself:
 * kafkajs fetches only when all partitions of the last fetch are done, so partitions that share a member wait for each other.
 * Members sort by their client id, and the first ones are given partitions first: as many as there are processes come
 * before the second of any. `scope` ends the membership in order.
 */
export async function joinGroup(
  settings: KafkaSettings & ConsumerSettings,
  context: ServiceContext,
  { group, topics, lane, index, members, losses, workBatch }: Membership,
): Promise<void> {
  const { name, log, scope, step } = context
  const bytes = Math.ceil(fetchBytes / members)
  const consumer = createKafka(settings, `${index}-${name}`, log).consumer({
    groupId: group,
    sessionTimeout: settings.SESSION_TIMEOUT_MS,
    heartbeatInterval: heartbeatMs,
    rebalanceTimeout: Math.max(60_000, settings.SESSION_TIMEOUT_MS),
    allowAutoTopicCreation: false,
    metadataMaxAge: metadataMaxAgeMs,
    maxWaitTimeInMs: 1000,
    maxBytes: bytes,
    maxBytesPerPartition: Math.ceil(bytes / 4),
  })
  consumer.on('consumer.rebalancing', () => lane.tryAgain())
  consumer.on('consumer.group_join', () => {
    joins.inc()
    forgetLag()
    pausedPartitions.reset()
    lane.resume()
    lane.tryAgain()
  })
  losses.guard(consumer, index, { onCompared: () => lane.join(), onRetry: () => lane.tryAgain() })
  consumer.on('consumer.fetch', () => lane.tick())
  consumer.on('consumer.crash', () => {
    lane.leave()
    lane.tryAgain()
  })
  scope.defer(async () => {
    await lane.idle()
    const late = () => new Error(`no answer within ${lastCommitMs} ms`)
    await withDeadline(losses.stop(index), lastCommitMs, late).catch((error: unknown) =>
      log.warn({ error }, 'stop_not_noted'),
    )
    await consumer.disconnect()
  })
  await step(`connecting member ${index} of ${group}`, () => connectConsumer(consumer, topics))
  await step(`joining ${group} as member ${index}`, (goesOn) => {
    onSignOfLife(consumer, goesOn)
    return runConsumer(consumer, context, {
      autoCommit: false,
      eachBatchAutoResolve: false,
      async eachBatch(payload) {
        const { topic, partition } = payload.batch
        const name = nameOf(topic, partition)
        const isPaused = (await lane.work(() => workBatch(payload))) === 'paused'
        pausedPartitions.set({ topic, partition }, isPaused ? 1 : 0)
        if (!isPaused) return lane.resume(name)
        lane.pause(name)
        setTimeout(payload.pause(), pauseMs).unref()
      },
    })
  })
}
