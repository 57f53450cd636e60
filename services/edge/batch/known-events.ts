import { z } from 'zod'
import { classify, hasCode } from '#runtime/calls/retry.ts'
import { type Database, sql } from '#runtime/postgres/database.ts'
import type { Bounded } from '../http/deadline.ts'

/** Event id → sha256 of its content, of those of `eventIds` that took effect. Empty while Postgres does not answer. */
export type FindKnown = (eventIds: readonly string[]) => Promise<ReadonlyMap<string, string>>

const knownRow = z.object({ event_id: z.string(), content_hash: z.string() })

/** undefined_table, invalid_schema_name, undefined_column: the normalizer's tables are not there yet. */
const notThere = ['42P01', '3F000', '42703']

/** Asks the normalizer's ledger, which is kept for ever: a payload that is in it was in Kafka. */
export function openKnownEvents(database: Database, bounded: Bounded): FindKnown {
  return async (eventIds) => {
    if (eventIds.length === 0) return new Map()
    const found = bounded(
      database.any(sql.type(knownRow)`
        SELECT event_id, content_hash FROM normalizer.lineage
        WHERE event_id = ANY(${sql.array(eventIds, 'uuid')}) AND replay_id = ''`),
    )
    const rows = await found.catch((error: unknown) => {
      if (classify(error) === 'transient' || hasCode(error, ...notThere)) return []
      throw error
    })
    return new Map(rows.map(({ event_id, content_hash }) => [event_id, content_hash]))
  }
}
