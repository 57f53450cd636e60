import { randomUUID } from 'node:crypto'
import type { Consumer, EachBatchPayload } from 'kafkajs'
import { acceptanceGroup } from '#schemas/kafka-access.ts'
import type { Topic } from '#schemas/topics.ts'
import { retryTransient } from '../calls/retry.ts'
import { createKafka, prefixed } from '../kafka/client.ts'
import type { Publish } from '../kafka/output.ts'
import { startLoop } from '../process/loop.ts'
import type { ServiceContext } from '../process/service.ts'
import type { KafkaSettings } from '../process/settings.ts'
import type { Note } from '../recovery/offset-note.ts'
import { type Compared, comparePartition, type Comparer, findFirstNewer, isCompacted } from './compare-partition.ts'
import { addLoss, findLoss, type Loss, type Position, writeMetadata } from './find-loss.ts'
import { readAcceptance, readCommitted, readExtents } from './group-offsets.ts'
import { isRebalance } from './is-rebalance.ts'
import { noteUnread } from './lag-metric.ts'
import { describeLossOf, lossEvent, remedyOf } from './make-loss-event.ts'
import { describeOpen, type Followed, measureLosses, Positions } from './positions.ts'

/** How often a process looks whether losses were accepted and how old what it has not read is. */
export const lookMs = 5000

/**
 * Notices records that were deleted before the group had read them, tells it once (ops event `records-lost`) and keeps the
 * service not ready until they are accepted. What is lost stands in the metadata of the committed offset, and so does the
 * note of deaths there (recovery/offset-note.ts): it moves with the partition and outlives every process.
 */
export type LossWatch = {
  /**
   * Has a member begin with a partition only when its committed offset is compared with what the topic still holds.
   * `onCompared` is called each time when this is done, `onRetry` when it has failed and is tried again.
   */
  guard(consumer: Consumer, member: number, events: { onCompared(): void; onRetry(): void }): void
  /** Compares where a fetched batch begins with where the last one ended. Call it before the batch is processed. */
  inspect(payload: EachBatchPayload): Promise<void>
  /** Where the group is; undefined: no member of this process has the partition. */
  find(topic: string, partition: number): Position | undefined
  /** The metadata of an offset before which `newest` is the newest time. */
  metadata(topic: string, partition: number, newest: number, note: Note): string
  /** Notes that this is committed. */
  advance(topic: string, partition: number, committed: Pick<Position, 'offset' | 'newest' | 'note'>): void
  /** The service fails at this partition. The process after it shall know that this was no orderly stop. */
  giveUp(topic: string, partition: number): void
  /** Commits that this member has nothing in work any more. */
  stop(member: number): Promise<void>
}

/** A partition of a member, as it was when the broker last answered: where the group is, and where it ends. */
type Seen = Pick<Followed, 'topic' | 'partition' | 'member' | 'offset'> & { high: number }

type Watch = Comparer & {
  service: string
  group: string
  consumers: Map<number, Consumer>
  publish: Publish
  onLook(seen: readonly Seen[]): void
}

export async function openLossWatch(
  settings: KafkaSettings,
  context: ServiceContext,
  { topics, ...options }: Pick<Watch, 'group' | 'publish' | 'batch' | 'onLook'> & { topics: readonly Topic<unknown>[] },
): Promise<LossWatch> {
  const { name: service, log, scope, health, stopping, step, fail } = context
  // A look at a broker that hangs fails long before its loop counts as stuck.
  const adminLimits = { requestTimeout: 10_000, retry: { initialRetryTime: 200, retries: 1 } }
  const kafka = createKafka(settings, `${service}-watch`, log, adminLimits)
  const leave = () => void watch.admin.disconnect().catch(() => undefined)
  const positions = new Positions()
  measureLosses(positions)
  const watch: Watch = {
    ...{ service, admin: kafka.admin(), positions, by: randomUUID(), consumers: new Map(), ...options },
    topics: new Map(topics.map((topic) => [prefixed(settings, topic.name), topic])),
  }
  scope.defer(leave)
  // What has failed is left for a new connection: kafkajs goes on to use one on which nothing comes.
  const renew = (error: unknown) => {
    leave()
    watch.admin = kafka.admin()
    throw error
  }
  const lookOrLeave = () => look(watch).catch(renew)
  await step('asking Kafka for offsets', lookOrLeave)
  health.ready('lost_records', () => {
    const open = describeOpen(positions, (of, loss) => describeLossOf(watch, of, loss))
    if (open !== null) throw new Error(`${open} ${remedyOf(service)}`)
  })
  // A broker that does not answer must not hold up a service that stops.
  const stopped = new Promise<void>((done) => stopping.addEventListener('abort', () => done(), { once: true }))
  startLoop('watch_offsets', lookMs, context, () => Promise.race([lookOrLeave(), stopped]))

  return {
    guard(consumer, member, events) {
      watch.consumers.set(member, consumer)
      let latest = 0
      consumer.on('consumer.group_join', ({ payload: { memberAssignment } }) => {
        const assigned = Object.entries(memberAssignment).map(([topic, partitions]) => ({ topic, partitions }))
        const run = ++latest
        const isStale = () => run !== latest || stopping.aborted
        consumer.pause(assigned)
        const onRetry = (error: unknown) => {
          log.warn({ error }, 'retrying_to_compare_offsets')
          events.onRetry()
        }
        const begin = async () => {
          await compare(watch, { consumer, member, assigned, isStale })
          if (isStale()) return
          consumer.resume(assigned)
          events.onCompared()
        }
        retryTransient(begin, { signal: stopping, onRetry })
          // After one of these the member joins again, and all begins anew.
          .catch((error: unknown) => isStale() || isRebalance(error) || fail(error))
      })
    },
    inspect: (payload) => inspect(watch, payload, stopping),
    find: (topic, partition) => positions.get(topic, partition),
    metadata: (topic, partition, newest, note) => positions.metadata(topic, partition, newest, note),
    advance: (topic, partition, committed) => void positions.update(topic, partition, committed),
    giveUp: (topic, partition) => positions.drop(topic, partition),
    stop: (member) => stop(watch, member),
  }
}

type Assigned = {
  consumer: Consumer
  member: number
  assigned: { topic: string; partitions: number[] }[]
  isStale(): boolean
}

async function compare(watch: Watch, { consumer, member, assigned, isStale }: Assigned): Promise<void> {
  const { admin, group } = watch
  await admin.connect()
  const names = assigned.map(({ topic }) => topic)
  const committed = await readCommitted(admin, group, names)
  const found = await Promise.all(
    assigned.map(async ({ topic, partitions }) => {
      const extents = await readExtents(admin, topic)
      const own = committed.filter((one) => one.topic === topic && partitions.includes(one.partition))
      return Promise.all(own.map((one) => comparePartition(watch, member, one, extents)))
    }),
  )
  if (isStale()) return
  const compared = found.flat()
  await publishLosses(watch, compared)
  watch.positions.assign(
    member,
    compared.map(({ followed }) => followed),
  )
  // That this process is at work there is for the next one to know, in case it dies.
  const changed = compared.filter(({ isMoved, isTakenOver }) => isMoved || isTakenOver)
  await commitPositions(
    consumer,
    changed.map(({ followed }) => followed),
  )
  for (const { followed, isMoved } of changed)
    if (isMoved) consumer.seek({ ...followed, offset: String(followed.offset) })
}

async function commitPositions(consumer: Consumer, positions: readonly Followed[]): Promise<void> {
  if (positions.length === 0) return
  await consumer.commitOffsets(
    positions.map(({ topic, partition, offset, ...rest }) => ({
      ...{ topic, partition, offset: String(offset) },
      metadata: writeMetadata(rest),
    })),
  )
}

async function stop({ consumers, positions }: Watch, member: number): Promise<void> {
  const consumer = consumers.get(member)
  const working = positions.all().filter((one) => one.member === member && one.note.state !== 'stopped')
  if (!consumer) return
  await commitPositions(
    consumer,
    working.map((one) => ({ ...one, note: { ...one.note, state: 'stopped' } })),
  )
}

async function inspect(watch: Watch, payload: EachBatchPayload, stopping: AbortSignal): Promise<void> {
  const { topic, partition, messages } = payload.batch
  const followed = watch.positions.get(topic, partition)
  const first = Number(messages[0]?.offset)
  if (!followed || first === followed.offset || isCompacted(watch.topics.get(topic))) return
  const extents = await retryTransient(() => readExtents(watch.admin, topic), { signal: stopping })
  const { low, high } = extents.get(partition) ?? { low: first, high: first }
  // Behind where it was: a record that comes again, or the client library found its offset out of range.
  const isBehind = first < followed.offset
  const firstNewer = isBehind ? await findFirstNewer(watch.admin, topic, partition, followed.newest) : null
  const loss = findLoss(followed, { low, high, firstNewer }, Date.now())
  if (!loss) return
  await retryTransient(() => publishLosses(watch, [{ followed, loss }]), { signal: stopping })
  const metadata = watch.positions.update(topic, partition, {
    ...{ offset: first, losses: addLoss(followed.losses, loss) },
  })
  const commit = { partition, offset: String(first), metadata }
  await payload.commitOffsetsIfNecessary({ topics: [{ topic, partitions: [commit] }] })
}

/** Once per `lookMs`: drops what was accepted, and notes what is there and not read. */
async function look(watch: Watch): Promise<void> {
  const { admin, group, positions } = watch
  await admin.connect()
  const all = positions.all()
  const seen: Seen[] = []
  // Without a partition, any topic shows whether the broker answers.
  const asked = all.length > 0 ? all.map(({ topic }) => topic) : [...watch.topics.keys()].slice(0, 1)
  const found = await Promise.all(
    [...new Set(asked)].map(async (topic) => ({ topic, extents: await readExtents(admin, topic) })),
  )
  for (const { topic, extents } of found) {
    for (const { partition, offset, member } of all.filter((one) => one.topic === topic)) {
      const high = extents.get(partition)?.high ?? 0
      noteUnread(topic, partition, Math.max(0, high - offset))
      seen.push({ topic, partition, member, offset, high })
    }
  }
  watch.onLook(seen)
  const open = all.filter(({ losses }) => losses.length > 0)
  if (open.length === 0) return
  const topics = [...new Set(open.map(({ topic }) => topic))]
  for (const { topic, partition, metadata } of await readCommitted(admin, acceptanceGroup(group), topics)) {
    const followed = positions.get(topic, partition)
    const losses = followed?.losses.filter(({ noticedAt }) => noticedAt > readAcceptance(metadata)) ?? []
    if (followed && losses.length < followed.losses.length) await accept(watch, followed, losses)
  }
}

async function accept(watch: Watch, followed: Followed, losses: Loss[]): Promise<void> {
  const { topic, partition, member } = followed
  const closing = followed.losses.filter((loss) => !losses.includes(loss)).at(-1) as Loss
  if (losses.length === 0) await watch.publish([lossEvent(watch, followed, closing, true)])
  const metadata = watch.positions.update(topic, partition, { losses })
  const offset = String(watch.positions.get(topic, partition)?.offset ?? followed.offset)
  await watch.consumers
    .get(member)
    ?.commitOffsets([{ topic, partition, offset, metadata }])
    .catch((error: unknown) => {
      // Not ours any more: whoever has the partition reads the acceptance itself.
      if (!isRebalance(error)) throw error
    })
}

async function publishLosses(watch: Watch, compared: readonly Pick<Compared, 'followed' | 'loss'>[]): Promise<void> {
  const events = compared.flatMap(({ followed, loss }) => (loss ? [lossEvent(watch, followed, loss, false)] : []))
  if (events.length > 0) await watch.publish(events)
}
