import { z } from 'zod'
import { incidentEvent, type IncidentKey as Key, incidentKeyOf, incidentRow } from '#runtime/outbox/incident-event.ts'
import { addToOutbox } from '#runtime/outbox/outbox.ts'
import { column } from '#runtime/postgres/column.ts'
import { type Database, sql, type SqlFragment, type Transaction } from '#runtime/postgres/database.ts'
import { clipTexts } from '#runtime/text/clip-texts.ts'

export type IncidentKey = Key<'source-down' | 'stale' | 'identifier-expired'>

/**
 * A lasting condition that operators should know about. It opens with one operational event and closes with another.
 */
export type Incident = IncidentKey & {
  /** The name of what it concerns. */
  subject: string
  message: string
  facts: Record<string, string>
}

const storyRow = incidentRow.extend({
  opened_at: z.number(),
  resolved_at: z.number().nullable(),
  /** False: a scheduler from before the outbox opened it, and may not have reported it. */
  open_told: z.boolean(),
})
type StoryRow = z.output<typeof storyRow>

const incidentColumns = sql.fragment`s.dedupe_key, s.kind, s.data_source_id, s.subject, s.message, s.facts,
  floor(extract(epoch FROM s.opened_at) * 1000)::bigint AS opened_at,
  floor(extract(epoch FROM s.resolved_at) * 1000)::bigint AS resolved_at`

/** Opens the incidents that are not open yet and reports them in the same transaction. */
export async function openIncidents(tx: Transaction, incidents: readonly Incident[]): Promise<void> {
  if (incidents.length === 0) return
  const rows = incidents
    // Names in parma-web's tables are of any length, and the same incident is written once a minute.
    .map((incident) => ({ ...clipTexts(incident), key: incidentKeyOf(incident) }))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ key, kind, data_source_id, company_id, subject, message, facts }) => [
      ...[key, kind, data_source_id, company_id, subject, message],
      JSON.stringify(facts),
    ])
  const opened = await tx.any(sql.type(storyRow)`
    INSERT INTO scheduler.story AS s (dedupe_key, kind, data_source_id, company_id, subject, message, facts, opened_at,
      open_told)
    SELECT dedupe_key, kind, data_source_id, company_id, subject, message, facts::jsonb, now(), true
    FROM ${sql.unnest(rows, ['text', 'text', 'int4', 'int4', 'text', 'text', 'text'])}
      AS n (dedupe_key, kind, data_source_id, company_id, subject, message, facts)
    ON CONFLICT (dedupe_key) DO UPDATE
    SET message = excluded.message, subject = excluded.subject, facts = excluded.facts, opened_at = now(),
      resolved_at = NULL, open_told = true, end_told = false
    WHERE s.resolved_at IS NOT NULL
    RETURNING ${incidentColumns}, s.open_told`)
  await addToOutbox(tx, 'scheduler', opened.map(openedEvent))
}

/** Closes those of these incidents that are open and reports their end in the same transaction. */
export async function closeIncidents(tx: Transaction, keys: readonly IncidentKey[]): Promise<void> {
  if (keys.length > 0)
    await closeIncidentsWhere(tx, sql.fragment`dedupe_key = ANY(${column(keys, 'text', incidentKeyOf)})`)
}

/** Closes the open incidents for which `which`, a condition on scheduler.story AS s, holds, and reports their end. */
export async function closeIncidentsWhere(tx: Transaction, which: SqlFragment): Promise<void> {
  await reportClosed(tx, await tx.any(closing(sql.fragment`WITH open AS (${openWhere(which)})`)))
}

/** The open incidents for which `which` holds, locked in one order: the part `open` of a statement of `closing`. */
export function openWhere(which: SqlFragment) {
  return sql.fragment`
    SELECT dedupe_key, open_told FROM scheduler.story s WHERE resolved_at IS NULL AND (${which})
    ORDER BY dedupe_key FOR UPDATE`
}

/** The statement that begins with `parts`, of which one is `open`, and closes the incidents of `open`. */
export function closing(parts: SqlFragment) {
  return sql.type(storyRow)`${parts}
    UPDATE scheduler.story s SET resolved_at = now(), open_told = true, end_told = true
    FROM open WHERE s.dedupe_key = open.dedupe_key
    RETURNING ${incidentColumns}, open.open_told`
}

/** Reports what a statement of `closing` has closed, in the same transaction. */
export async function reportClosed(tx: Transaction, closed: readonly StoryRow[]): Promise<void> {
  await addToOutbox(
    tx,
    'scheduler',
    closed.flatMap((row) => (row.open_told ? [closedEvent(row)] : [openedEvent(row), closedEvent(row)])),
  )
}

/** Reports the incidents that a scheduler of before the outbox opened or closed without reporting them. */
export async function reportLeftOver(database: Database): Promise<void> {
  await database.transaction(async (tx) => {
    const rows = await tx.any(sql.type(storyRow)`
      WITH left_over AS (
        SELECT dedupe_key, open_told FROM scheduler.story
        WHERE NOT open_told OR resolved_at IS NOT NULL AND NOT end_told
        ORDER BY dedupe_key FOR UPDATE SKIP LOCKED
      )
      UPDATE scheduler.story s SET open_told = true, end_told = s.resolved_at IS NOT NULL
      FROM left_over WHERE s.dedupe_key = left_over.dedupe_key
      RETURNING ${incidentColumns}, left_over.open_told`)
    await reportClosed(
      tx,
      rows.filter(({ resolved_at }) => resolved_at !== null),
    )
    await addToOutbox(tx, 'scheduler', rows.filter(({ resolved_at }) => resolved_at === null).map(openedEvent))
  })
}

const openedEvent = (row: StoryRow) => incidentEvent('scheduler', namespace, row, false, row.opened_at)
const closedEvent = (row: StoryRow) =>
  incidentEvent('scheduler', namespace, row, true, row.resolved_at ?? row.opened_at)

// Must never change: an event that is reported again must keep its id.
const namespace = '5b0f4a52-0a3c-4f0d-8f36-9d1c6f7f8c11'
