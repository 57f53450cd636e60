import { v5 as uuidv5 } from 'uuid'
import { z } from 'zod'
import { column } from '#runtime/postgres/column.ts'
import { type Database, sql, type Transaction } from '#runtime/postgres/database.ts'
import type { OpsEvent } from '#schemas/generated/types.ts'

/** Something operators should know, until it is over. */
export type Incident = {
  kind: 'source-down' | 'stale' | 'identifier-expired'
  data_source_id: number
  /** null: it is about the whole source. */
  company_id: number | null
  /** Name of what it is about. */
  subject: string
  message: string
  facts: Record<string, string>
}

export type IncidentKey = Pick<Incident, 'kind' | 'data_source_id' | 'company_id'>

function keyOf({ kind, data_source_id, company_id }: IncidentKey): string {
  return [kind, data_source_id, ...(company_id === null ? [] : [company_id])].join('/')
}

/** Opens those that are not open. */
export async function openIncidents(connection: Database | Transaction, incidents: readonly Incident[]): Promise<void> {
  if (incidents.length === 0) return
  const rows = incidents
    .map((incident) => ({ ...incident, key: keyOf(incident) }))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ key, kind, data_source_id, company_id, subject, message, facts }) => [
      ...[key, kind, data_source_id, company_id, subject, message],
      JSON.stringify(facts),
    ])
  await connection.query(sql.unsafe`
    INSERT INTO scheduler.story AS s (dedupe_key, kind, data_source_id, company_id, subject, message, facts, opened_at)
    SELECT dedupe_key, kind, data_source_id, company_id, subject, message, facts::jsonb, now()
    FROM ${sql.unnest(rows, ['text', 'text', 'int4', 'int4', 'text', 'text', 'text'])}
      AS n (dedupe_key, kind, data_source_id, company_id, subject, message, facts)
    ON CONFLICT (dedupe_key) DO UPDATE
    SET message = excluded.message, subject = excluded.subject, facts = excluded.facts, opened_at = now(),
      resolved_at = NULL, open_told = false, end_told = false
    WHERE s.resolved_at IS NOT NULL`)
}

export async function closeIncidents(connection: Database | Transaction, keys: readonly IncidentKey[]): Promise<void> {
  if (keys.length === 0) return
  await connection.query(sql.unsafe`
    WITH open AS (
      SELECT dedupe_key FROM scheduler.story
      WHERE dedupe_key = ANY(${column(keys, 'text', keyOf)}) AND resolved_at IS NULL
      ORDER BY dedupe_key FOR UPDATE
    )
    UPDATE scheduler.story s SET resolved_at = now() FROM open WHERE s.dedupe_key = open.dedupe_key`)
}

const unpublishedRow = z.object({
  dedupe_key: z.string(),
  kind: z.string(),
  data_source_id: z.number(),
  subject: z.string(),
  message: z.string(),
  facts: z.record(z.string(), z.string()),
  resolved: z.boolean(),
  at: z.number(),
})

/** A part of a story that nobody has been told. */
export type Unpublished = z.output<typeof unpublishedRow>

const publishAtOnce = 500

/** Beginnings before ends, so that each story is told in its order. */
export function readUnpublished(database: Database): Promise<readonly Unpublished[]> {
  return database.any(sql.type(unpublishedRow)`
    SELECT dedupe_key, kind, data_source_id, subject, message, facts, part.resolved, floor(extract(epoch FROM part.at) * 1000)::bigint AS at
    FROM scheduler.story s CROSS JOIN LATERAL (
      SELECT false AS resolved, s.opened_at AS at WHERE NOT s.open_told
      UNION ALL SELECT true, s.resolved_at WHERE s.resolved_at IS NOT NULL AND NOT s.end_told
    ) AS part
    WHERE NOT s.open_told OR s.resolved_at IS NOT NULL AND NOT s.end_told
    ORDER BY part.resolved, part.at, dedupe_key LIMIT ${publishAtOnce}`)
}

/** Two that tell the same part make the same event of it. */
export function eventOf({
  dedupe_key,
  kind,
  data_source_id,
  subject,
  message,
  facts,
  resolved,
  at,
}: Unpublished): OpsEvent {
  return {
    event_id: uuidv5(JSON.stringify([dedupe_key, resolved, at]), namespace),
    kind,
    service: 'scheduler',
    data_source_id,
    subject,
    message: resolved ? `Over: ${message}` : message,
    resolved,
    dedupe_key,
    at,
    facts,
  }
}

// Never changes: events that were told must be known again.
const namespace = '5b0f4a52-0a3c-4f0d-8f36-9d1c6f7f8c11'

/** Notes that these have been told. One that has been opened again meanwhile is told again. */
export async function markPublished(database: Database, told: readonly Unpublished[]): Promise<void> {
  if (told.length === 0) return
  const rows = told.map(({ dedupe_key, resolved, at }) => [dedupe_key, resolved, at])
  await database.query(sql.unsafe`
    UPDATE scheduler.story s SET open_told = open_told OR t.opened, end_told = end_told OR t.ended
    FROM (
      SELECT s.dedupe_key,
        bool_or(NOT n.resolved AND n.at = floor(extract(epoch FROM s.opened_at) * 1000)) AS opened,
        coalesce(bool_or(n.resolved AND n.at = floor(extract(epoch FROM s.resolved_at) * 1000)), false) AS ended
      FROM ${sql.unnest(rows, ['text', 'bool', 'int8'])} AS n (dedupe_key, resolved, at)
      JOIN scheduler.story s USING (dedupe_key)
      GROUP BY s.dedupe_key
    ) AS t WHERE s.dedupe_key = t.dedupe_key`)
}
