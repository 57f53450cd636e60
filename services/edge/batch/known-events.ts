import { z } from 'zod'
import { type Database, sql } from '#runtime/postgres/database.ts'
import type { Bounded } from '../http/deadline.ts'
import { toLookupFailure } from '../trace/event-views.ts'

/** Event id → sha256 of its content, of those of `eventIds` that took effect. Empty while Postgres does not answer. */
export type FindKnown = (eventIds: readonly string[]) => Promise<ReadonlyMap<string, string>>

const knownRow = z.object({ event_id: z.string(), content_hash: z.string() })

/** Asks the normalizer's ledger, which is kept for ever: a payload that is in it was in Kafka. */
export function openKnownEvents(database: Database, bounded: Bounded): FindKnown {
  return async (eventIds) => {
    if (eventIds.length === 0) return new Map()
    const found = bounded(
      database.any(sql.type(knownRow)`
        SELECT event_id, content_hash FROM normalizer.lineage
        WHERE event_id = ANY(${sql.array(eventIds, 'uuid')}) AND replay_id = ''`),
    )
    const rows = await found.catch(toLookupFailure)
    if (typeof rows === 'string') return new Map()
    return new Map(rows.map(({ event_id, content_hash }) => [event_id, content_hash]))
  }
}
