import { z } from 'zod'
import { type Database, sql } from '#runtime/postgres/database.ts'
import type { FetchedRecord } from '#runtime/kafka/record.ts'
import type { DeadLetter } from './dead-letter.ts'

export type Action = 'replayed' | 'dropped'

const row = z.object({
  topic: z.string(),
  partition: z.number(),
  offset: z.string(),
  at: z.number(),
  action: z.enum(['replayed', 'dropped']),
})

/** What was done with dead letters so far, by `keyOf`. */
export async function readHandled(database: Database): Promise<Map<string, Action>> {
  const rows = await database.any(sql.type(row)`
    SELECT topic, partition, "offset"::text AS offset, (extract(epoch FROM written_at) * 1000)::float8 AS at, action
    FROM cli.handled_dead_letter`)
  return new Map(rows.map(({ action, at, ...one }) => [keyOf({ ...one, timestamp: at }), action]))
}

/** Records what was done with a dead letter, once. */
export async function addHandled(
  database: Database,
  record: FetchedRecord,
  deadLetter: DeadLetter,
  action: Action,
): Promise<void> {
  const { topic, partition, offset, timestamp } = record
  await database.query(sql.unsafe`
    INSERT INTO cli.handled_dead_letter (topic, partition, "offset", written_at, action, reason, event_id)
    VALUES (${topic}, ${partition}, ${offset}::bigint, to_timestamp(${timestamp}::float8 / 1000), ${action}, ${deadLetter.reason}, ${deadLetter.event_id})
    ON CONFLICT DO NOTHING`)
}

/** Identifies the record of a dead letter, also across clusters that were set up anew. */
export function keyOf({
  topic,
  partition,
  offset,
  timestamp,
}: Pick<FetchedRecord, 'topic' | 'partition' | 'offset' | 'timestamp'>): string {
  return `${topic}/${partition}/${offset}@${timestamp}`
}
