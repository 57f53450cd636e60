import type { Admin } from 'kafkajs'
import { acceptanceGroup } from '#schemas/kafka-access.ts'
import { allTopics, type Consumer, type Topic } from '#schemas/topics.ts'
import { createKafka, prefixed } from '../kafka/client.ts'
import type { Log } from '../process/log.ts'
import type { KafkaSettings } from '../process/settings.ts'
import { findLoss, type Loss, readPosition, writeMetadata } from './find-loss.ts'
import {
  commitFor,
  type Committed,
  readAcceptance,
  readCommitted,
  readExtents,
  writeAcceptance,
} from './group-offsets.ts'

/** A partition as one service reads it. */
export type GroupRow = {
  service: Consumer
  topic: string
  partition: number
  /** The next offset; null: the service has read nothing yet. */
  committed: number | null
  first: number
  end: number
  /** Records from `committed` to the end that the topic still holds. */
  lag: number
  /** Newest time of what was read, ms since 1970; 0: unknown. */
  newest: number
  /** Noticed and not accepted. */
  losses: readonly Loss[]
  /** Not yet noticed by the service, because it does not run. */
  unnoticed: Loss | null
}

/** The consumer groups of an installation, for `parma groups`. */
export type GroupTable = AsyncDisposable & {
  read(filter: { service?: string; topic?: string }): Promise<GroupRow[]>
  /** Whether a process of the service is in its group; then its offsets cannot be set. */
  isRunning(service: string): Promise<boolean>
  /** Sets the offsets of a service that does not run. What was lost stays noted. */
  move(service: string, rows: readonly (GroupRow & { to: number })[]): Promise<void>
  /** Accepts what is lost on `rows`. Processes that run notice it within seconds. */
  accept(service: string, rows: readonly GroupRow[]): Promise<void>
  /** The first offset of each partition whose record is at least as new as `at` (ms since 1970). */
  offsetsAt(topic: string, at: number): Promise<Map<number, number>>
}

export async function openGroupTable(settings: KafkaSettings, log: Log): Promise<GroupTable> {
  const admin = createKafka(settings, 'parma-groups', log).admin()
  await admin.connect()
  const groupOf = (service: string) => prefixed(settings, service)
  const nameOf = (topic: string) => prefixed(settings, topic)
  const commit = (group: string, offsets: Committed[]) => commitFor(settings, log, group, offsets)
  return {
    async read({ service, topic }) {
      const pairs = allTopics
        .filter(({ name }) => name === topic || topic === undefined)
        .flatMap((one) => one.consumers.map((reader) => ({ topic: one, service: reader })))
        .filter((pair) => pair.service === service || service === undefined)
      const rows = await Promise.all(
        pairs.map((pair) => readRows(admin, pair, groupOf(pair.service), nameOf(pair.topic.name))),
      )
      return rows.flat()
    },
    async isRunning(service) {
      const { groups } = await admin.describeGroups([groupOf(service)])
      return groups.some(({ members }) => members.length > 0)
    },
    move: (service, rows) =>
      commit(
        groupOf(service),
        rows.map(({ topic, partition, to, losses }) => ({
          ...{ topic: nameOf(topic), partition, offset: to },
          metadata: writeMetadata({ newest: 0, losses }),
        })),
      ),
    async accept(service, rows) {
      const noticed = rows.filter(({ losses }) => losses.length > 0)
      await commit(
        acceptanceGroup(groupOf(service)),
        noticed.map(({ topic, partition, losses }) => ({
          ...{ topic: nameOf(topic), partition, offset: 0 },
          metadata: writeAcceptance(Math.max(...losses.map(({ noticedAt }) => noticedAt))),
        })),
      )
      const unnoticed = rows.filter((row) => row.unnoticed)
      await commit(
        groupOf(service),
        unnoticed.map(({ topic, partition, first, newest, losses }) => ({
          ...{ topic: nameOf(topic), partition, offset: first },
          metadata: writeMetadata({ newest, losses }),
        })),
      )
    },
    async offsetsAt(topic, at) {
      const found = await admin.fetchTopicOffsetsByTimestamp(nameOf(topic), at)
      return new Map(found.map(({ partition, offset }) => [partition, Number(offset)]))
    },
    [Symbol.asyncDispose]: () => admin.disconnect(),
  }
}

async function readRows(
  admin: Admin,
  { topic, service }: { topic: Topic<unknown>; service: Consumer },
  group: string,
  name: string,
): Promise<GroupRow[]> {
  const [extents, committed, accepted] = await Promise.all([
    readExtents(admin, name),
    readCommitted(admin, group, [name]),
    readCommitted(admin, acceptanceGroup(group), [name]),
  ])
  const until = new Map(accepted.map(({ partition, metadata }) => [partition, readAcceptance(metadata)]))
  const isCompacted = topic.config['cleanup.policy'] === 'compact'
  return committed
    .map(({ partition, offset, metadata }): GroupRow => {
      const { low: first, high: end } = extents.get(partition) ?? { low: 0, high: 0 }
      const { newest, losses } = readPosition(offset, metadata)
      const seen = { low: first, high: end, firstNewer: null }
      return {
        ...{ service, topic: topic.name, partition, first, end, newest },
        committed: offset < 0 ? null : offset,
        lag: Math.max(0, end - Math.max(offset, first)),
        losses: losses.filter(({ noticedAt }) => noticedAt > (until.get(partition) ?? 0)),
        unnoticed: isCompacted ? null : findLoss({ offset, newest }, seen, Date.now()),
      }
    })
    .sort((a, b) => a.partition - b.partition)
}
