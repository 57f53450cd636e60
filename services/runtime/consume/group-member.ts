import { withDeadline } from '../calls/deadline.ts'
import { createKafka, metadataMaxAgeMs } from '../kafka/client.ts'
import type { ConsumerSettings, KafkaSettings } from '../process/settings.ts'
import type { ServiceContext } from '../process/service.ts'
import { forgetLag } from '../offsets/lag-metric.ts'
import type { LossWatch } from '../offsets/loss-watch.ts'
import type { WorkBatch } from './work-batch.ts'

/** Longer than this without a fetch and without a batch in work, and the member counts as not running. */
const tickTimeoutMs = 30_000

/** What all members of a process together fetch at once and hold in memory until it is processed; a larger single record
 *  is still fetched. */
const fetchBytes = 8 * 1024 * 1024

/** How long a partition rests after too many dead letters in a row, until its next records are tried again. */
const pauseMs = 60_000

/** How long the end of a member waits for its last commit. */
const lastCommitMs = 3000

/** What is known of one member of the group. Its methods alone change it. */
export class Lane {
  #isJoined = false
  #working: Promise<unknown> | null = null
  #lastTick = performance.now()
  readonly #paused = new Set<string>()

  join(): void {
    this.#isJoined = true
  }

  leave(): void {
    this.#isJoined = false
  }

  tick(): void {
    this.#lastTick = performance.now()
  }

  async work<T>(work: () => Promise<T>): Promise<T> {
    const working = work()
    this.#working = working
    try {
      return await working
    } finally {
      this.#working = null
      this.tick()
    }
  }

  /** Resolves when it works on nothing. */
  async idle(): Promise<void> {
    await this.#working?.catch(() => undefined)
  }

  pause(partition: string): void {
    this.#paused.add(partition)
  }

  /** Without a partition: all of them, because others may have them now. */
  resume(partition?: string): void {
    if (partition === undefined) this.#paused.clear()
    else this.#paused.delete(partition)
  }

  /** Throws what keeps the member from working. */
  check(): void {
    if (!this.#isJoined) throw new Error('not a member of the group')
    if (!this.#working && performance.now() - this.#lastTick > tickTimeoutMs)
      throw new Error(`no fetch for ${tickTimeoutMs / 1000} s`)
    const [paused] = this.#paused
    if (paused !== undefined) throw new Error(`paused after too many dead letters in a row: ${paused}`)
  }
}

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
  { name, log, scope, fail }: ServiceContext,
  { group, topics, lane, index, members, losses, workBatch }: Membership,
): Promise<void> {
  const bytes = Math.ceil(fetchBytes / members)
  const consumer = createKafka(settings, `${index}-${name}`, log).consumer({
    groupId: group,
    sessionTimeout: settings.SESSION_TIMEOUT_MS,
    heartbeatInterval: Math.floor(settings.SESSION_TIMEOUT_MS / 5),
    rebalanceTimeout: Math.max(60_000, settings.SESSION_TIMEOUT_MS),
    allowAutoTopicCreation: false,
    metadataMaxAge: metadataMaxAgeMs,
    maxWaitTimeInMs: 1000,
    maxBytes: bytes,
    maxBytesPerPartition: Math.ceil(bytes / 4),
  })
  consumer.on('consumer.group_join', () => {
    forgetLag()
    lane.resume()
  })
  losses.guard(consumer, index, () => lane.join())
  consumer.on('consumer.fetch', () => lane.tick())
  consumer.on('consumer.crash', ({ payload: { error, restart } }) => {
    lane.leave()
    if (!restart) fail(error)
  })
  await consumer.connect()
  scope.defer(async () => {
    await lane.idle()
    const late = () => new Error(`no answer within ${lastCommitMs} ms`)
    await withDeadline(losses.stop(index), lastCommitMs, late).catch((error: unknown) =>
      log.warn({ error }, 'stop_not_noted'),
    )
    await consumer.disconnect()
  })
  await consumer.subscribe({ topics, fromBeginning: true })
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    async eachBatch(payload) {
      const { topic, partition } = payload.batch
      const partitionName = `partition ${partition} of ${topic}`
      if ((await lane.work(() => workBatch(payload))) === 'on') return lane.resume(partitionName)
      lane.pause(partitionName)
      setTimeout(payload.pause(), pauseMs).unref()
    },
  })
}
