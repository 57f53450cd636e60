import { z } from 'zod'
import { incidentEvent, type IncidentKey as Key, incidentKeyOf, incidentRow } from '#runtime/outbox/incident-event.ts'
import { addToOutbox } from '#runtime/outbox/outbox.ts'
import { column } from '#runtime/postgres/column.ts'
import { sql, type SqlFragment, type Transaction } from '#runtime/postgres/database.ts'
import { clipTexts } from '#runtime/text/clip-texts.ts'

export type IncidentKey = Key<'standstill' | 'due'>

export type Incident = IncidentKey & { subject: string; message: string; facts: Record<string, string> }

const reportedRow = incidentRow.extend({ at: z.number() })
const columns = sql.fragment`i.dedupe_key, i.kind, i.data_source_id, i.subject, i.message, i.facts`

const keyRow = z.object({ data_source_id: z.number(), company_id: z.number().nullable() })

/** The open incidents of a kind. */
export function readOpen(tx: Transaction, kind: IncidentKey['kind']): Promise<readonly z.infer<typeof keyRow>[]> {
  return tx.any(sql.type(keyRow)`
    SELECT data_source_id, company_id FROM analyzer.incident WHERE kind = ${kind} AND resolved_at IS NULL`)
}

/** Opens the incidents that are not open yet and reports them in the same transaction. Returns how many. */
export async function openIncidents(tx: Transaction, incidents: readonly Incident[]): Promise<number> {
  if (incidents.length === 0) return 0
  const rows = incidents.map((incident) => ({ ...clipTexts(incident), dedupe_key: incidentKeyOf(incident) }))
  const opened = await tx.any(sql.type(reportedRow)`
    INSERT INTO analyzer.incident AS i (dedupe_key, kind, data_source_id, company_id, subject, message, facts, opened_at)
    SELECT dedupe_key, kind, data_source_id, company_id, subject, message, facts, now()
    FROM jsonb_populate_recordset(NULL::analyzer.incident, ${JSON.stringify(rows)}::jsonb) ORDER BY dedupe_key
    ON CONFLICT (dedupe_key) DO UPDATE
    SET subject = excluded.subject, message = excluded.message, facts = excluded.facts, opened_at = now(),
      resolved_at = NULL
    WHERE i.resolved_at IS NOT NULL
    RETURNING ${columns}, floor(extract(epoch FROM i.opened_at) * 1000)::bigint AS at`)
  return report(tx, opened, false)
}

/** Closes those of these incidents that are open and reports their end in the same transaction. Returns how many. */
export async function closeIncidents(tx: Transaction, keys: readonly IncidentKey[]): Promise<number> {
  return keys.length > 0 ? closeWhere(tx, sql.fragment`dedupe_key = ANY(${column(keys, 'text', incidentKeyOf)})`) : 0
}

/** The same for the incidents of sources and companies that no longer exist, or of which no feed is left. */
export function closeOrphans(tx: Transaction): Promise<number> {
  return closeWhere(
    tx,
    sql.fragment`NOT EXISTS (SELECT FROM public.data_source d WHERE d.id = i.data_source_id) OR NOT EXISTS (
      SELECT FROM analyzer.feed f
      WHERE f.data_source_id = i.data_source_id AND f.company_id = coalesce(i.company_id, f.company_id)
    )`,
  )
}

async function closeWhere(tx: Transaction, which: SqlFragment): Promise<number> {
  const closed = await tx.any(sql.type(reportedRow)`
    WITH i AS (
      UPDATE analyzer.incident i SET resolved_at = now() WHERE resolved_at IS NULL AND (${which}) RETURNING i.*
    ), past AS (
      INSERT INTO analyzer.past_incident (kind, data_source_id, company_id, opened_at, resolved_at)
      SELECT kind, data_source_id, company_id, opened_at, resolved_at FROM i
    )
    SELECT ${columns}, floor(extract(epoch FROM i.resolved_at) * 1000)::bigint AS at FROM i`)
  return report(tx, closed, true)
}

async function report(tx: Transaction, rows: readonly z.infer<typeof reportedRow>[], resolved: boolean) {
  const events = rows.map((row) => incidentEvent('analyzer', namespace, row, resolved, row.at))
  await addToOutbox(tx, 'analyzer', events)
  return rows.length
}

// Must never change: an event that is reported again must keep its id.
const namespace = '7b1c7c52-7e0d-4d5e-9c55-2f0b6a3f9d20'
