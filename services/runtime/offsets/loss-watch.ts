import type { Admin, Consumer, EachBatchPayload } from 'kafkajs'
import type { Topic } from '#schemas/topics.ts'
import { retryTransient } from '../calls/retry.ts'
import { createKafka, prefixed } from '../kafka/client.ts'
import type { Publish } from '../kafka/output.ts'
import { startLoop } from '../process/loop.ts'
import type { ServiceContext } from '../process/service.ts'
import type { KafkaSettings } from '../process/settings.ts'
import { addLoss, findLoss, type Loss, readPosition } from './find-loss.ts'
import { acceptanceGroup, type Committed, readAcceptance, readCommitted, readExtents } from './group-offsets.ts'
import { noteUnread } from './lag-metric.ts'
import { describeLossOf, lossEvent, remedyOf } from './make-loss-event.ts'
import { describeOpen, type Followed, measureLosses, Positions } from './positions.ts'

/** How often a process looks whether losses were accepted and how old what it has not read is. */
const lookMs = 5000

/** Codes with which the broker refuses a commit of a member whose group is forming anew. */
const rebalanceErrors = new Set(['REBALANCE_IN_PROGRESS', 'ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID'])

/**
 * Notices records that were deleted before the group had read them, tells it once (ops event `records-lost`) and keeps the
 * service not ready until they are accepted. What is lost stands in the metadata of the committed offset: it moves with
 * the partition and outlives every process.
 */
export type LossWatch = {
  /**
   * Has a member begin with a partition only when its committed offset is compared with what the topic still holds.
   * `onCompared` is called each time when this is done.
   */
  guard(consumer: Consumer, member: number, onCompared: () => void): void
  /** Compares where a fetched batch begins with where the last one ended. Call it before the batch is processed. */
  inspect(payload: EachBatchPayload): Promise<void>
  /** The metadata of an offset before which `newest` is the newest time. */
  metadata(topic: string, partition: number, newest: number): string
  /** Notes that `offset` is committed. */
  advance(topic: string, partition: number, offset: number, newest: number): void
}

type Watch = {
  service: string
  group: string
  topics: ReadonlyMap<string, Topic<unknown>>
  admin: Admin
  positions: Positions
  consumers: Map<number, Consumer>
  publish: Publish
}

export async function openLossWatch(
  settings: KafkaSettings,
  context: ServiceContext,
  { group, topics, publish }: { group: string; topics: readonly Topic<unknown>[]; publish: Publish },
): Promise<LossWatch> {
  const { name: service, log, scope, health, stopping, fail } = context
  const admin = createKafka(settings, `${service}-watch`, log).admin()
  await admin.connect()
  scope.defer(() => admin.disconnect())
  const positions = new Positions()
  measureLosses(positions)
  const watch: Watch = {
    ...{ service, group, admin, positions, publish, consumers: new Map() },
    topics: new Map(topics.map((topic) => [prefixed(settings, topic.name), topic])),
  }
  health.ready('lost_records', () => {
    const open = describeOpen(positions, (of, loss) => describeLossOf(watch, of, loss))
    if (open !== null) throw new Error(`${open} ${remedyOf(service)}`)
  })
  // A broker that does not answer must not hold up a service that stops.
  const stopped = new Promise<void>((done) => stopping.addEventListener('abort', () => done(), { once: true }))
  startLoop('watch_offsets', lookMs, context, () => Promise.race([look(watch), stopped]))

  return {
    guard(consumer, member, onCompared) {
      watch.consumers.set(member, consumer)
      let latest = 0
      consumer.on('consumer.group_join', ({ payload: { memberAssignment } }) => {
        const assigned = Object.entries(memberAssignment).map(([topic, partitions]) => ({ topic, partitions }))
        const run = ++latest
        const isStale = () => run !== latest || stopping.aborted
        consumer.pause(assigned)
        const onRetry = (error: unknown) => log.warn({ error }, 'retrying_to_compare_offsets')
        retryTransient(() => compare(watch, { consumer, member, assigned, isStale }), { signal: stopping, onRetry })
          .then(() => {
            if (isStale()) return
            consumer.resume(assigned)
            onCompared()
          })
          // After one of these the member joins again, and all begins anew.
          .catch((error: unknown) => isStale() || isRebalance(error) || fail(error))
      })
    },
    inspect: (payload) => inspect(watch, payload, stopping),
    metadata: (topic, partition, newest) => positions.metadata(topic, partition, newest),
    advance: (topic, partition, offset, newest) => void positions.update(topic, partition, { offset, newest }),
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
  const moved = compared.filter(({ isMoved }) => isMoved).map(({ followed }) => followed)
  watch.positions.assign(
    member,
    compared.map(({ followed }) => followed),
  )
  const commits = moved.map(({ topic, partition, offset }) => ({
    ...{ topic, partition, offset: String(offset) },
    metadata: watch.positions.update(topic, partition, {}),
  }))
  if (commits.length > 0) await consumer.commitOffsets(commits)
  for (const { topic, partition, offset } of commits) consumer.seek({ topic, partition, offset })
}

type Compared = { followed: Followed; loss: Loss | null; isMoved: boolean }

async function comparePartition(
  { admin, topics, positions }: Watch,
  member: number,
  { topic, partition, offset, metadata }: Committed,
  extents: Awaited<ReturnType<typeof readExtents>>,
): Promise<Compared> {
  // Offsets go with their topic. What this process knows is then all that is known.
  const known = offset < 0 ? positions.get(topic, partition) : undefined
  const position = known ?? readPosition(offset, metadata)
  const { low, high } = extents.get(partition) ?? { low: 0, high: 0 }
  const mayBeRemade = position.newest > 0 && low < position.offset && position.offset <= high
  const firstNewer = mayBeRemade ? await findFirstNewer(admin, topic, partition, position.newest) : null
  const loss = isCompacted(topics.get(topic)) ? null : findLoss(position, { low, high, firstNewer }, Date.now())
  const losses = loss ? addLoss(position.losses, loss) : position.losses
  // A group that never read a partition begins to have a position there, from which a loss can be told.
  const isMoved = loss !== null || offset < 0
  return { followed: { ...position, topic, partition, member, losses, offset: isMoved ? low : offset }, loss, isMoved }
}

async function findFirstNewer(admin: Admin, topic: string, partition: number, newest: number): Promise<number | null> {
  const found = await admin.fetchTopicOffsetsByTimestamp(topic, newest + 1)
  const offset = found.find((one) => one.partition === partition)?.offset
  return offset === undefined ? null : Number(offset)
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
  await retryTransient(() => publishLosses(watch, [{ followed, loss, isMoved: true }]), { signal: stopping })
  const metadata = watch.positions.update(topic, partition, {
    ...{ offset: first, losses: addLoss(followed.losses, loss) },
  })
  const commit = { partition, offset: String(first), metadata }
  await payload.commitOffsetsIfNecessary({ topics: [{ topic, partitions: [commit] }] })
}

/** Once per `lookMs`: drops what was accepted, and notes what is there and not read. */
async function look(watch: Watch): Promise<void> {
  const { admin, group, positions } = watch
  const all = positions.all()
  for (const topic of new Set(all.map((one) => one.topic))) {
    const extents = await readExtents(admin, topic)
    for (const { partition, offset } of all.filter((one) => one.topic === topic))
      noteUnread(topic, partition, offset < (extents.get(partition)?.high ?? 0))
  }
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

async function publishLosses(watch: Watch, compared: readonly Compared[]): Promise<void> {
  const events = compared.flatMap(({ followed, loss }) => (loss ? [lossEvent(watch, followed, loss, false)] : []))
  if (events.length > 0) await watch.publish(events)
}

function isCompacted(topic: Topic<unknown> | undefined): boolean {
  return topic?.config['cleanup.policy'] === 'compact'
}

function isRebalance(error: unknown): boolean {
  return rebalanceErrors.has((error as { type?: string }).type ?? '')
}
