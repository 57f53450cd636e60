import { z } from 'zod'
import { compactNote, type Note, parseNote } from '../recovery/offset-note.ts'
import { formatCount } from '../text/format.ts'

/** Records of one partition that were deleted before their group had read them. */
export type Loss = {
  /** The first offset that is gone. */
  from: number
  /** The offset after the last one that is gone. */
  to: number
  /** How many there were at most; null when nobody can know. */
  count: number | null
  /** ms since 1970. */
  noticedAt: number
}

/** How far a group has come with a partition: what it commits. */
export type Position = {
  /** The next offset; negative: the group has committed none, or the client library has reset it (`resetMark`). */
  offset: number
  /** Timestamp of the newest record it has read, ms since 1970; 0: unknown. */
  newest: number
  /** What it has lost and nobody has accepted. */
  losses: readonly Loss[]
  /** What is known of the record there, and of those before it. */
  note: Note
}

/** What a partition holds. */
export type Extent = {
  low: number
  high: number
  /** The first offset with a record newer than the position's newest one; null: not asked for. */
  firstNewer: number | null
}

/** kafkajs commits this in place of an offset that is out of range, and begins at the first record there is. */
const resetMark = -2

/** More losses of one partition are taken together, so that they fit into the metadata of an offset (4096 bytes). */
const maxLosses = 20

const metadataOf = z.object({
  newest: z.number().default(0),
  lost: z
    .array(z.tuple([z.number(), z.number(), z.number().nullable(), z.number()]))
    .default([])
    .transform((lost) => lost.map(([from, to, count, noticedAt]): Loss => ({ from, to, count, noticedAt }))),
  note: z.unknown().optional().transform(parseNote),
})

/** The position that an offset and its metadata stand for. Metadata that we did not write say nothing. */
export function readPosition(offset: number, metadata: string | null): Position {
  const found = metadataOf.safeParse(parseJson(metadata)).data ?? metadataOf.parse({})
  return { offset, newest: found.newest, losses: found.lost, note: found.note }
}

/**
 * The metadata of an offset, from which `readPosition` makes the rest of the position again. Without a note: nothing is
 * known.
 */
export function writeMetadata({ newest, losses, note }: Omit<Position, 'offset' | 'note'> & { note?: Note }): string {
  const lost = losses.map(({ from, to, count, noticedAt }) => [from, to, count, noticedAt])
  return JSON.stringify({ newest, ...(lost.length > 0 && { lost }), ...(note && { note: compactNote(note) }) })
}

/**
 * What is lost between a position and the first record there is; null: nothing. Offsets that are missing between two
 * records (markers of transactions, compaction) are no loss: only what lies before the first record was deleted.
 */
export function findLoss(
  { offset, newest }: Pick<Position, 'offset' | 'newest'>,
  { low, high, firstNewer }: Extent,
  now: number,
): Loss | null {
  if (offset === resetMark) return { from: 0, to: low, count: null, noticedAt: now }
  if (offset < 0) return null
  if (offset < low) return { from: offset, to: low, count: low - offset, noticedAt: now }
  // Every record is newer than all that were read, although some of them should have been read already.
  const isRemade = offset > high || (newest > 0 && low < offset && firstNewer === low)
  return isRemade ? { from: low, to: offset, count: null, noticedAt: now } : null
}

export function addLoss(losses: readonly Loss[], loss: Loss): Loss[] {
  const all = [...losses, loss]
  if (all.length <= maxLosses) return all
  const [first, second, ...rest] = all as [Loss, Loss, ...Loss[]]
  const count = first.count === null || second.count === null ? null : first.count + second.count
  return [{ ...second, from: Math.min(first.from, second.from), to: Math.max(first.to, second.to), count }, ...rest]
}

/** What was lost, as a sentence without the remedy. */
export function describeLoss(service: string, topic: string, partition: number, { from, to, count }: Loss): string {
  const where = `partition ${partition} of ${topic}`
  if (count === null)
    return `The records on ${where} are no longer those that ${service} had read up to offset ${to}: the topic was made anew or cut. How many were lost is not known.`
  return `${formatCount(count, 'record')} on ${where} (offsets ${from} to ${to - 1}) ${count === 1 ? 'was' : 'were'} deleted before ${service} had read them.`
}

function parseJson(text: string | null): unknown {
  try {
    return JSON.parse(text ?? '')
  } catch {
    return null
  }
}
