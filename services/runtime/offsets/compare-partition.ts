import type { Admin } from 'kafkajs'
import type { Topic } from '#schemas/topics.ts'
import { takeOver, unknownNote } from '../recovery/offset-note.ts'
import { addLoss, findLoss, type Loss, readPosition } from './find-loss.ts'
import type { Committed, readExtents } from './group-offsets.ts'
import type { Followed, Positions } from './positions.ts'

export type Comparer = {
  admin: Admin
  topics: ReadonlyMap<string, Topic<unknown>>
  positions: Positions
  /** This process, and how many records it may have in work at once. */
  by: string
  batch: number
}

/** `isMoved`: the group begins elsewhere than where it is. `isTakenOver`: another process, or none, was there before. */
export type Compared = { followed: Followed; loss: Loss | null; isMoved: boolean; isTakenOver: boolean }

/** Where a member begins with a partition that it is given, and what is lost and known there. */
export async function comparePartition(
  { admin, topics, positions, by, batch }: Comparer,
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
  const next = isMoved ? low : offset
  const note = takeOver(loss ? unknownNote : position.note, { by, batch, hasRecords: next < high })
  const followed = { ...position, topic, partition, member, losses, note, offset: next }
  return { followed, loss, isMoved, isTakenOver: position.note.by !== by }
}

/** The first offset with a record newer than `newest`; null: there is none. */
export async function findFirstNewer(
  admin: Admin,
  topic: string,
  partition: number,
  newest: number,
): Promise<number | null> {
  const found = await admin.fetchTopicOffsetsByTimestamp(topic, newest + 1)
  const offset = found.find((one) => one.partition === partition)?.offset
  return offset === undefined ? null : Number(offset)
}

export function isCompacted(topic: Topic<unknown> | undefined): boolean {
  return topic?.config['cleanup.policy'] === 'compact'
}
