import { v5 as uuidv5 } from 'uuid'
import { z } from 'zod'
import { addToOutbox } from '#runtime/outbox/outbox.ts'
import { column } from '#runtime/postgres/column.ts'
import { type Database, sql, type SqlFragment, type Transaction } from '#runtime/postgres/database.ts'
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

const storyRow = z.object({
  dedupe_key: z.string(),
  kind: z.string(),
  data_source_id: z.number(),
  subject: z.string(),
  message: z.string(),
  facts: z.record(z.string(), z.string()),
  opened_at: z.number(),
  resolved_at: z.number().nullable(),
  /** False: a scheduler from before the outbox opened it, and may not have reported it. */
  open_told: z.boolean(),
})
type StoryRow = z.output<typeof storyRow>

const storyColumns = sql.fragment`s.dedupe_key, s.kind, s.data_source_id, s.subject, s.message, s.facts,
  floor(extract(epoch FROM s.opened_at) * 1000)::bigint AS opened_at,
  floor(extract(epoch FROM s.resolved_at) * 1000)::bigint AS resolved_at`

/** Opens those that are not open, and reports them. */
export async function openIncidents(tx: Transaction, incidents: readonly Incident[]): Promise<void> {
  if (incidents.length === 0) return
  const rows = incidents
    .map((incident) => ({ ...incident, key: keyOf(incident) }))
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
    RETURNING ${storyColumns}, s.open_told`)
  await addToOutbox(tx, 'scheduler', opened.map(openedEvent))
}

export async function closeIncidents(tx: Transaction, keys: readonly IncidentKey[]): Promise<void> {
  if (keys.length > 0) await closeIncidentsWhere(tx, sql.fragment`dedupe_key = ANY(${column(keys, 'text', keyOf)})`)
}

/** Closes the open incidents of which `which` holds, a condition on scheduler.story AS s, and reports their end. */
export async function closeIncidentsWhere(tx: Transaction, which: SqlFragment): Promise<void> {
  await reportClosed(tx, await tx.any(closing(sql.fragment`WITH open AS (${openWhere(which)})`)))
}

/** The open incidents of which `which` holds, locked in one order: the part `open` of a statement made by `closing`. */
export function openWhere(which: SqlFragment) {
  return sql.fragment`
    SELECT dedupe_key, open_told FROM scheduler.story s WHERE resolved_at IS NULL AND (${which})
    ORDER BY dedupe_key FOR UPDATE`
}

/** The statement that closes the incidents of `open`, which is among the parts that `parts` begins it with. */
export function closing(parts: SqlFragment) {
  return sql.type(storyRow)`${parts}
    UPDATE scheduler.story s SET resolved_at = now(), open_told = true, end_told = true
    FROM open WHERE s.dedupe_key = open.dedupe_key
    RETURNING ${storyColumns}, open.open_told`
}

/** Reports what a statement made by `closing` has closed, in the same transaction. */
export async function reportClosed(tx: Transaction, closed: readonly StoryRow[]): Promise<void> {
  await addToOutbox(
    tx,
    'scheduler',
    closed.flatMap((row) => (row.open_told ? [closedEvent(row)] : [openedEvent(row), closedEvent(row)])),
  )
}

/** Reports what a scheduler from before the outbox has opened or closed and left unreported. */
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
      RETURNING ${storyColumns}, left_over.open_told`)
    await reportClosed(
      tx,
      rows.filter(({ resolved_at }) => resolved_at !== null),
    )
    await addToOutbox(tx, 'scheduler', rows.filter(({ resolved_at }) => resolved_at === null).map(openedEvent))
  })
}

const openedEvent = (row: StoryRow): OpsEvent => eventOf(row, false, row.opened_at)
const closedEvent = (row: StoryRow): OpsEvent => eventOf(row, true, row.resolved_at ?? row.opened_at)

/** Two that report the same transition make the same event of it. */
function eventOf(row: StoryRow, resolved: boolean, at: number): OpsEvent {
  const { dedupe_key, kind, data_source_id, subject, message, facts } = row
  return {
    event_id: uuidv5(JSON.stringify([dedupe_key, resolved, at]), namespace),
    ...{ kind, service: 'scheduler', data_source_id, subject, resolved, dedupe_key, at, facts },
    message: resolved ? `Over: ${message}` : message,
  }
}

// Never changes: events that were reported must be known again.
const namespace = '5b0f4a52-0a3c-4f0d-8f36-9d1c6f7f8c11'
