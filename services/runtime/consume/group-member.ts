import type { EachBatchPayload } from 'kafkajs'
import { createKafka } from '../kafka/client.ts'
import type { ConsumerSettings, KafkaSettings } from '../process/settings.ts'
import type { ServiceContext } from '../process/service.ts'
import { forgetLag } from '../offsets/lag-metric.ts'
import type { LossWatch } from '../offsets/loss-watch.ts'

/** Longer than this without a fetch and without a batch in work, and the member counts as not running. */
const tickTimeoutMs = 30_000

/** What all members of a process together fetch at once and hold in memory until it is processed; a larger single record
 *  is still fetched. */
const fetchBytes = 8 * 1024 * 1024

/** What is known of one member of the group. Its methods alone change it. */
export class Lane {
  #isJoined = false
  #isBusy = false
  #lastTick = Date.now()

  join(): void {
    this.#isJoined = true
  }

  leave(): void {
    this.#isJoined = false
  }

  tick(): void {
    this.#lastTick = Date.now()
  }

  async work(work: () => Promise<void>): Promise<void> {
    this.#isBusy = true
    try {
      await work()
    } finally {
      this.#isBusy = false
      this.tick()
    }
  }

  /** Throws what keeps the member from working. */
  check(): void {
    if (!this.#isJoined) throw new Error('not a member of the group')
    if (!this.#isBusy && Date.now() - this.#lastTick > tickTimeoutMs)
      throw new Error(`no fetch for ${tickTimeoutMs / 1000} s`)
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
  workBatch(payload: EachBatchPayload): Promise<void>
}

/**
 * Joins the group once more and gives `workBatch` what is fetched, until the service stops. Each member fetches for itself:
 * kafkajs fetches only when all partitions of the last fetch are done, so partitions that share a member wait for each other.
 * Members sort by their client id, and the first ones are given partitions first: as many as there are processes come
 * before the second of any.
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
    maxWaitTimeInMs: 1000,
    maxBytes: bytes,
    maxBytesPerPartition: Math.ceil(bytes / 4),
  })
  consumer.on('consumer.group_join', () => forgetLag())
  losses.guard(consumer, index, () => lane.join())
  consumer.on('consumer.fetch', () => lane.tick())
  consumer.on('consumer.crash', ({ payload: { error, restart } }) => {
    lane.leave()
    if (!restart) fail(error)
  })
  await consumer.connect()
  scope.defer(() => consumer.disconnect())
  await consumer.subscribe({ topics, fromBeginning: true })
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    eachBatch: (payload) => lane.work(() => workBatch(payload)),
  })
}
