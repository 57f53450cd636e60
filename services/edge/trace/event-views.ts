import { z } from 'zod'
import { type Database, sql, type SqlFragment } from '#runtime/postgres/database.ts'
import { classify, hasCode } from '#runtime/calls/retry.ts'
import type { Bounded } from '../http/deadline.ts'
import type { Lookup, LookupFailure, Normalized, Status } from './event-status.ts'

export type Views = {
  normalized: Lookup<Normalized>
  judged: Lookup<Status>
  notified: Lookup<Status>
  counted: Lookup<Status>
}

/**
 * Reads what other services know of an event from the views that they keep for others. A view that cannot be read gives
 * a LookupFailure and does not affect the others.
 */
export async function readViews(database: Database, bounded: Bounded, eventId: string): Promise<Views> {
  const lookUp = <T>(query: Promise<T | null>): Promise<Lookup<T>> => bounded(query).catch(toLookupFailure)
  const [normalized, judged, notified, counted] = await Promise.all([
    lookUp(readLineage(database, eventId)),
    lookUp(readStatus(database, sql.fragment`analyzer.event_status`, eventId)),
    lookUp(readStatus(database, sql.fragment`notifier.event_status`, eventId)),
    lookUp(readStatus(database, sql.fragment`scheduler.event_status`, eventId)),
  ])
  return { normalized, judged, notified, counted }
}

const nameRow = z.object({ source_name: z.string() })
const maxSources = 500

/** The names of sources that may have raw documents. */
export function readSourceNames(database: Database, bounded: Bounded): Promise<readonly string[] | LookupFailure> {
  const names = database.anyFirst(sql.type(nameRow)`
    SELECT DISTINCT source_name FROM public.data_source
    WHERE source_name ~ '^[a-z0-9_-]{1,200}$' AND source_name !~ '^__.*__$' LIMIT ${maxSources}`)
  return bounded(names).catch(toLookupFailure)
}

const lineageRow = z.object({
  data_source_id: z.number(),
  source_name: z.string(),
  company_id: z.string(),
  task_id: z.number().nullable(),
  received_at: z.number(),
  at: z.number(),
  stored: z.number(),
  unmapped: z.number(),
  refused: z.number(),
  reason: z.string().nullable(),
})

/** normalizer.lineage is the normalizer's event_status with counts and source. */
function readLineage(database: Database, eventId: string): Promise<Normalized | null> {
  return database.maybeOne(sql.type(lineageRow)`
    SELECT data_source_id, source_name, company_id, task_id, received_at, processed_at AS at, stored, unmapped, refused,
      reason
    FROM normalizer.lineage WHERE event_id = ${eventId} ORDER BY event_no DESC LIMIT 1`)
}

const statusRow = z.object({ stage: z.string(), at: z.number(), reason: z.string().nullable() })

function readStatus(database: Database, view: SqlFragment, eventId: string): Promise<Status | null> {
  return database.maybeOne(sql.type(statusRow)`
    SELECT stage, at, reason FROM ${view} WHERE event_id = ${eventId} ORDER BY at DESC LIMIT 1`)
}

/** undefined_table, invalid_schema_name, undefined_column, insufficient_privilege */
const notThere = ['42P01', '3F000', '42703', '42501']

/** Why a lookup failed. Throws any error that is not an expected failure. */
export function toLookupFailure(error: unknown): LookupFailure {
  if (hasCode(error, ...notThere)) return 'not-migrated'
  if (classify(error) === 'transient') return 'no-answer'
  throw error
}
