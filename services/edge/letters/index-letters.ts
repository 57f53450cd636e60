import { z } from 'zod'
import { prefixed } from '#runtime/kafka/client.ts'
import { type ReadPositions, readTopics, type TopicRange } from '#runtime/kafka/read-topics.ts'
import { type FetchedRecord, headerText, sizeOf } from '#runtime/kafka/record.ts'
import { columnsOf } from '#runtime/postgres/column.ts'
import { lock } from '#runtime/postgres/lock.ts'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { DecodeError } from '#schemas/codec.ts'
import { type DeadLetter, deadLetterTopics, type DeadLetterTopic, readDeadLetter, replayIdOf } from './dead-letter.ts'
import type { LetterTools } from './tools.ts'

type IndexTools = Omit<LetterTools, 'producer'>
type Indexed = DeadLetter & {
  dlq_topic: string
  partition: number
  offset: string
  written_at: number
  key: string | null
  source: number | null
  bytes: number
  from_partition: number | null
  from_offset: number | null
  came_by: string | null
  replay_id: string
  /** Its topic as the cluster names it: what a row of before has. */
  cluster_topic: string
}

/** Rows of one transaction. */
const batchSize = 500
/** Records of a partition in one call: a call is some seconds long. */
const mostRecords = 2000

/**
 * Brings edge.dead_letter up to what the dead letter topics hold: new records get a row, rows whose record is gone go.
 * It goes on from where the last call, of whichever process, came to; several at once do no harm. False: there
 * is more to read.
 */
export async function indexLetters(tools: IndexTools): Promise<boolean> {
  const { settings, log, database } = tools
  const byName = new Map(deadLetterTopics.map((of) => [prefixed(settings, of.name), of]))
  const positions: ReadPositions = await readPositions(tools)
  let found: Indexed[] = []
  const flush = async () => {
    const batch = found
    found = []
    if (batch.length > 0) await database.transaction((tx) => addLetters(tx, batch))
  }
  const ranges = await readTopics(
    settings,
    log,
    [...byName.keys()],
    async (record) => {
      found.push(await describe(tools, byName.get(record.topic)!, record))
      if (found.length >= batchSize) await flush()
    },
    positions,
    mostRecords,
  )
  await flush()
  await database.transaction((tx) =>
    noteRead(
      tx,
      ranges.map((range) => ({ ...range, topic: byName.get(range.topic)!.name })),
    ),
  )
  return ranges.every(({ next, end }) => next === end)
}

const positionRow = z.object({ dlq_topic: z.string(), partition: z.number(), next_offset: z.string() })

async function readPositions({ database, settings }: IndexTools): Promise<ReadPositions> {
  const rows = await database.any(sql.type(positionRow)`
    SELECT dlq_topic, partition, next_offset::text FROM edge.dead_letter_position`)
  return new Map(
    rows.map(({ dlq_topic, partition, next_offset }) => [
      `${prefixed(settings, dlq_topic)}/${partition}`,
      BigInt(next_offset),
    ]),
  )
}

async function describe({ codec }: IndexTools, of: DeadLetterTopic, record: FetchedRecord): Promise<Indexed> {
  const letter = readDeadLetter(of, record)
  return {
    ...letter,
    ...{ dlq_topic: of.name, partition: record.partition, offset: record.offset, written_at: record.timestamp },
    first_failed_at: readTime(letter.first_failed_at, record.timestamp),
    key: record.key?.toString() ?? null,
    source: await codec.decode(of.source, record.value).then(sourceOf, (error: unknown) => {
      if (error instanceof DecodeError) return null
      throw error
    }),
    bytes: sizeOf(record),
    from_partition: numberIn(record, '__dlq.errors.partition'),
    from_offset: numberIn(record, '__dlq.errors.offset'),
    came_by: uuidIn(record, 'replay_id'),
    replay_id: replayIdOf(letter, record),
    cluster_topic: record.topic,
  }
}

/** A header may say anything. */
function readTime(text: string, otherwise: number): string {
  const at = Date.parse(text)
  return new Date(at > 0 && at < Date.parse('9999-01-01T00:00:00Z') ? at : otherwise).toISOString()
}

function sourceOf(value: unknown): number | null {
  const { data_source_id: source } = value as { data_source_id?: unknown }
  return typeof source === 'number' ? source : null
}

function numberIn(record: FetchedRecord, header: string): number | null {
  const text = headerText(record, header)
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : null
}

function uuidIn(record: FetchedRecord, header: string): string | null {
  const text = headerText(record, header)
  return text !== undefined && z.guid().safeParse(text).success ? text : null
}

/** Postgres has no text with a NUL. */
const plain = (text: string | null) => text?.replaceAll('\0', '�') ?? null

async function addLetters(tx: Transaction, letters: readonly Indexed[]): Promise<void> {
  // Two that add the same rows would wait for each other.
  await lock(tx, 'edge.dead_letter')
  const column = columnsOf(letters)
  // Of a topic that was made anew, the rows of before are about records that are gone.
  await tx.query(sql.unsafe`
    DELETE FROM edge.dead_letter l USING unnest(
      ${column('text', (one) => one.dlq_topic)}, ${column('int4', (one) => one.partition)},
      ${column('int8', (one) => one.offset)}, ${column('float8', (one) => one.written_at)}
    ) AS n (dlq_topic, partition, "offset", at)
    WHERE l.dlq_topic = n.dlq_topic AND l.partition = n.partition AND l."offset" = n."offset"
      AND l.written_at <> to_timestamp(n.at / 1000)`)
  await tx.query(sql.unsafe`
    INSERT INTO edge.dead_letter (dlq_topic, partition, "offset", written_at, topic, service, reason, message, stage,
      schema_id, event_id, record_key, data_source_id, from_partition, from_offset, bytes, left_out, first_failed_at,
      replays, came_by, replay_id, state, handled_at, handled_by)
    SELECT n.dlq_topic, n.partition, n."offset", to_timestamp(n.at / 1000), n.topic, n.service, n.reason, n.message,
      n.stage, n.schema_id, n.event_id, n.key, n.source, n.from_partition, n.from_offset, n.bytes, n.left_out,
      n.first_failed_at, n.replays, n.came_by, n.replay_id, coalesce(h.action, 'open'), h.handled_at,
      CASE WHEN h.action IS NOT NULL THEN 'cli' END
    FROM unnest(
      ${column('text', (one) => one.dlq_topic)}, ${column('text', (one) => one.cluster_topic)},
      ${column('int4', (one) => one.partition)}, ${column('int8', (one) => one.offset)},
      ${column('float8', (one) => one.written_at)}, ${column('text', (one) => one.topic)},
      ${column('text', (one) => one.service)}, ${column('text', (one) => plain(one.reason))},
      ${column('text', (one) => plain(one.message))}, ${column('text', (one) => plain(one.stage))},
      ${column('int4', (one) => one.schema)}, ${column('text', (one) => plain(one.event_id))},
      ${column('text', (one) => plain(one.key))}, ${column('int4', (one) => one.source)},
      ${column('int4', (one) => one.from_partition)}, ${column('int8', (one) => one.from_offset)},
      ${column('int4', (one) => one.bytes)}, ${column('text', (one) => plain(one.left_out))},
      ${column('timestamptz', (one) => one.first_failed_at)}, ${column('int4', (one) => one.replays)},
      ${column('uuid', (one) => one.came_by)}, ${column('uuid', (one) => one.replay_id)}
    ) AS n (dlq_topic, cluster_topic, partition, "offset", at, topic, service, reason, message, stage, schema_id, event_id,
      key, source, from_partition, from_offset, bytes, left_out, first_failed_at, replays, came_by, replay_id)
    LEFT JOIN cli.handled_dead_letter h ON h.topic = n.cluster_topic AND h.partition = n.partition
      AND h."offset" = n."offset" AND h.written_at = to_timestamp(n.at / 1000)
    ON CONFLICT (dlq_topic, partition, "offset", written_at) DO NOTHING`)
  const last = new Map(
    letters.map(({ dlq_topic, partition, offset }) => [
      `${dlq_topic}/${partition}`,
      { dlq_topic, partition, next: String(BigInt(offset) + 1n) },
    ]),
  )
  await notePositions(tx, [...last.values()])
}

async function notePositions(
  tx: Transaction,
  positions: readonly { dlq_topic: string; partition: number; next: string }[],
): Promise<void> {
  const column = columnsOf(
    positions.toSorted((a, b) => (`${a.dlq_topic}/${a.partition}` < `${b.dlq_topic}/${b.partition}` ? -1 : 1)),
  )
  await tx.query(sql.unsafe`
    INSERT INTO edge.dead_letter_position (dlq_topic, partition, next_offset)
    SELECT * FROM unnest(${column('text', (one) => one.dlq_topic)}, ${column('int4', (one) => one.partition)}, ${column('int8', (one) => one.next)})
    ON CONFLICT (dlq_topic, partition) DO UPDATE SET next_offset = excluded.next_offset, read_at = now()`)
}

/** What was to be read was read, and what lies outside of what the topics hold is on no topic any more. */
async function noteRead(tx: Transaction, ranges: readonly TopicRange[]): Promise<void> {
  if (ranges.length === 0) return
  await lock(tx, 'edge.dead_letter')
  const column = columnsOf(ranges)
  await tx.query(sql.unsafe`
    DELETE FROM edge.dead_letter l USING unnest(
      ${column('text', (one) => one.topic)}, ${column('int4', (one) => one.partition)},
      ${column('int8', (one) => String(one.first))}, ${column('int8', (one) => String(one.end))}
    ) AS n (dlq_topic, partition, first, "end")
    WHERE l.dlq_topic = n.dlq_topic AND l.partition = n.partition AND (l."offset" < n.first OR l."offset" >= n."end")
      -- Another process may have read further by now.
      AND (l."offset" < n.first OR l.written_at < now() - interval '10 minutes')`)
  await notePositions(
    tx,
    ranges.map(({ topic, partition, next }) => ({ dlq_topic: topic, partition, next: String(next) })),
  )
}

const readRow = z.object({ at: z.number().nullable() })

/** When the topics were last read to their ends, ms since 1970; null: never. */
export async function readIndexedAt(database: IndexTools['database']): Promise<number | null> {
  return (await database.one(sql.type(readRow)`SELECT min(read_at) AS at FROM edge.dead_letter_position`)).at
}

/** Has the next call read the topics from their beginning. */
export async function forgetPositions(database: IndexTools['database']): Promise<void> {
  await database.query(sql.unsafe`DELETE FROM edge.dead_letter_position`)
}
