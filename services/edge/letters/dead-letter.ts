import { v5 as uuidv5 } from 'uuid'
import { type FetchedRecord, headerText, type ProducerRecord } from '#runtime/kafka/record.ts'
import { allTopics, deadLetterTopic, type Topic } from '#schemas/topics.ts'

/** A dead letter topic, the topic that its records come from, and the service that could not process them. */
export type DeadLetterTopic = { name: string; source: Topic<unknown>; service: string }

export const deadLetterTopics: readonly DeadLetterTopic[] = allTopics.flatMap((source) =>
  source.consumers.map((service) => ({ name: deadLetterTopic(source, service).name, source, service })),
)

/** A dead letter as its headers describe it. */
export type DeadLetter = {
  /** `<dead letter topic>/<partition>/<offset>`, without the prefix of the installation. */
  id: string
  topic: string
  service: string
  reason: string
  message: string
  stage: string
  /** Id of the schema that its value names; null: the value names none. */
  schema: number | null
  event_id: string | null
  /** When it first failed, before any replay (ISO 8601). */
  first_failed_at: string
  /** What the dead letter lacks because its topic does not take it; null: nothing. The record itself has all. */
  left_out: string | null
  /** How often it was replayed before it failed this time. */
  replays: number
}

const frameBytes = 5

export function readDeadLetter(of: DeadLetterTopic, record: FetchedRecord): DeadLetter {
  const { partition, offset, timestamp, value } = record
  const text = (name: string) => headerText(record, name)
  return {
    id: `${of.name}/${partition}/${offset}`,
    topic: of.source.name,
    service: of.service,
    reason: text('__dlq.reason') ?? 'unknown',
    message: text('__dlq.errors.message') ?? '',
    stage: text('__dlq.stage') ?? '',
    schema: value && value.length >= frameBytes && value[0] === 0 ? value.readInt32BE(1) : null,
    event_id: text('event_id') ?? null,
    first_failed_at: text('__dlq.first.failed.at') ?? new Date(timestamp).toISOString(),
    left_out: text('__dlq.left.out') ?? null,
    replays: Number(text('replay_count') ?? 0),
  }
}

/** Namespace of replay ids. A dead letter has the same replay id each time. */
const replayNamespace = '5a0e3ab4-33c1-4c9b-9d5c-2b2f3c0f2a51'

/**
 * The record that replays a dead letter: the original key and bytes, on the source topic, for the one service that
 * could not process it (`replay_for`). `replay_count` counts the replays, so that one that keeps failing is noticed.
 */
export function replayOf(
  of: DeadLetterTopic,
  deadLetter: DeadLetter,
  record: FetchedRecord,
  sourceTopic: string,
): ProducerRecord {
  const own = Object.entries(record.headers).filter(
    ([name]) => !name.startsWith('__dlq.') || name === '__dlq.first.failed.at',
  )
  return {
    topic: sourceTopic,
    key: record.key,
    value: record.value,
    headers: {
      ...Object.fromEntries(own),
      '__dlq.first.failed.at': deadLetter.first_failed_at,
      replay_for: of.service,
      replay_id: replayIdOf(deadLetter, record),
      replay_count: String(deadLetter.replays + 1),
    },
  }
}

/** What its replay is known by, in the ledgers of services and when it comes back. */
export function replayIdOf({ id }: Pick<DeadLetter, 'id'>, { timestamp }: Pick<FetchedRecord, 'timestamp'>): string {
  return uuidv5(`${id}@${timestamp}`, replayNamespace)
}
