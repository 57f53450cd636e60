import { randomUUID } from 'node:crypto'
import type { KafkaSettings } from '../process/settings.ts'
import { createKafka, metadataMaxAgeMs, readerSessionMs } from './client.ts'
import type { Log } from '../process/log.ts'
import { asRecord, type FetchedRecord } from './record.ts'
import { retryTransient, TransientError } from '../calls/retry.ts'

/** `<topic>/<partition>` → the next offset to read. */
export type ReadPositions = Map<string, bigint>

/** A reader whose broker is away would wait for it without end. */
const silentMs = 60_000

type OnRecord = (record: FetchedRecord) => void | Promise<void>

/** What a partition held when it was read: from `first` to before `end`; and up to where it was read. */
export type TopicRange = { topic: string; partition: number; first: bigint; end: bigint; next: bigint }

/**
 * Gives `onRecord` everything that `topics` (names in the cluster) hold at the time of the call, each record once, in
 * order per partition, the next one when it is done with the last. Nothing is committed. Topics that do not exist are
 * passed over. With `positions` it goes on from there and leaves there how far it came, also when it fails: the next
 * call gives what is new. A topic made anew is read from its beginning. Of each partition it reads `most` records at most.
 * Resolves with what there was.
 */
export async function readTopics(
  settings: KafkaSettings,
  log: Log,
  topics: readonly string[],
  onRecord: OnRecord,
  positions: ReadPositions = new Map(),
  most?: number,
): Promise<TopicRange[]> {
  const kafka = createKafka(settings, 'parma-read', log)
  const ends = await findEnds(kafka, topics, positions)
  const ranges = ends.map(({ low, high, ...range }) => {
    const next = most !== undefined && high - low > most ? low + BigInt(most) : high
    return { ...range, low, high: next, end: high }
  })
  await readRanges(settings, kafka, ranges, onRecord, positions)
  return ranges.map(({ topic, partition, first, end, high }) => ({ topic, partition, first, end, next: high }))
}

/** Gives `onRecord` the records at these places, as readTopics does. What a topic does not hold is passed over. */
export async function readRecords(
  settings: KafkaSettings,
  log: Log,
  places: readonly { topic: string; partition: number; offset: string }[],
  onRecord: OnRecord,
): Promise<void> {
  const kafka = createKafka(settings, 'parma-read', log)
  const wanted = new Set(places.map((place) => `${keyOf(place)}/${place.offset}`))
  const byPartition = Map.groupBy(places, keyOf)
  const ends = await findEnds(kafka, [...new Set(places.map(({ topic }) => topic))], new Map())
  const ranges = ends.flatMap((range) => {
    const offsets = (byPartition.get(keyOf(range)) ?? []).map(({ offset }) => BigInt(offset)).sort(ascending)
    const [from, to] = [offsets[0], offsets.at(-1)]
    if (from === undefined || to === undefined) return []
    return [{ ...range, low: from > range.low ? from : range.low, high: to < range.high ? to + 1n : range.high }]
  })
  await readRanges(settings, kafka, ranges, async (record) => {
    if (wanted.has(`${keyOf(record)}/${record.offset}`)) await onRecord(record)
  })
}

/**
 * Gives `onRecord` what a topic holds with times from `from` to before `to` (ms since 1970), as readTopics does. Records
 * beside these times may be among it.
 */
export async function readBetween(
  settings: KafkaSettings,
  log: Log,
  topic: string,
  { from, to }: { from: number; to: number },
  onRecord: OnRecord,
): Promise<void> {
  const kafka = createKafka(settings, 'parma-read', log)
  const admin = kafka.admin()
  await admin.connect()
  const at = (ms: number) => admin.fetchTopicOffsetsByTimestamp(topic, ms)
  const [first, end] = await Promise.all([at(from), at(to)]).finally(() => admin.disconnect())
  const ranges = first.map(({ partition, offset }) => {
    const low = BigInt(offset)
    return { topic, partition, first: low, low, high: BigInt(end.find((one) => one.partition === partition)!.offset) }
  })
  await readRanges(settings, kafka, ranges, onRecord)
}

const ascending = (a: bigint, b: bigint) => (a < b ? -1 : a > b ? 1 : 0)

type Range = { topic: string; partition: number; first: bigint; low: bigint; high: bigint }

async function readRanges(
  settings: KafkaSettings,
  kafka: ReturnType<typeof createKafka>,
  ranges: readonly Range[],
  onRecord: OnRecord,
  positions: ReadPositions = new Map(),
): Promise<void> {
  const missing = new Map(ranges.filter(({ low, high }) => high > low).map((one) => [keyOf(one), { ...one }]))
  if (missing.size === 0) return
  const wanted = new Set([...missing.values()].map(({ topic }) => topic))
  // Nobody else is in this group and nothing is ever committed to it, so it vanishes with this process.
  const consumer = kafka.consumer({
    groupId: `${settings.TOPIC_PREFIX}parma.read.${randomUUID()}`,
    sessionTimeout: readerSessionMs,
    allowAutoTopicCreation: false,
    metadataMaxAge: metadataMaxAgeMs,
    maxWaitTimeInMs: 200,
  })
  const { promise: complete, resolve, reject } = Promise.withResolvers<void>()
  consumer.on('consumer.crash', ({ payload: { error, restart } }) => {
    if (!restart) reject(error)
  })
  // Each time: kafkajs, which begins anew after an error, has forgotten where.
  consumer.on('consumer.group_join', () => {
    for (const { topic, partition, high } of ranges.filter((range) => wanted.has(range.topic)))
      consumer.seek({ topic, partition, offset: String(missing.get(keyOf({ topic, partition }))?.low ?? high) })
  })
  let silence: NodeJS.Timeout | undefined
  await consumer.connect()
  try {
    await consumer.subscribe({ topics: [...wanted], fromBeginning: true })
    await consumer.run({
      autoCommit: false,
      async eachBatch({ batch, heartbeat, pause }) {
        const { topic, partition, messages } = batch
        const key = keyOf(batch)
        silence?.refresh()
        const left = missing.get(key)
        if (!left) {
          // Nothing of this partition is asked for, or no more of it.
          pause()
          return
        }
        for (const message of messages) {
          const { offset } = message
          // Whoever loses its partitions and gets them back begins at the first record again.
          if (BigInt(offset) < left.low || BigInt(offset) >= left.high) continue
          await onRecord(asRecord(topic, partition, message))
          left.low = BigInt(offset) + 1n
          positions.set(key, left.low)
          await heartbeat()
        }
        if (BigInt(batch.lastOffset()) + 1n >= left.high) {
          positions.set(key, left.high)
          missing.delete(key)
        }
        if (missing.size === 0) resolve()
      },
    })
    silence = setTimeout(() => {
      reject(new TransientError(`Kafka gave no records for ${silentMs / 1000} s`))
    }, silentMs)
    await complete
  } finally {
    clearTimeout(silence)
    await consumer.disconnect()
  }
}

/** Where reading each partition begins, by its position, and ends. */
async function findEnds(kafka: ReturnType<typeof createKafka>, topics: readonly string[], positions: ReadPositions) {
  const admin = kafka.admin()
  await admin.connect()
  try {
    const there = new Set(await admin.listTopics())
    const ends = await Promise.all(
      topics
        .filter((topic) => there.has(topic))
        .map(async (topic) => {
          const offsets = await retryTransient(() => admin.fetchTopicOffsets(topic), {
            signal: AbortSignal.timeout(30_000),
          })
          return offsets.map(({ partition, ...ends }) => {
            const [low, high] = [BigInt(ends.low), BigInt(ends.high)]
            const position = positions.get(keyOf({ topic, partition })) ?? low
            return { topic, partition, first: low, low: position > low && position <= high ? position : low, high }
          })
        }),
    )
    return ends.flat()
  } finally {
    await admin.disconnect()
  }
}

function keyOf({ topic, partition }: { topic: string; partition: number }): string {
  return `${topic}/${partition}`
}
