import { v5 as uuidv5 } from 'uuid'
import { z } from 'zod'
import { addToOutbox } from '#runtime/outbox/outbox.ts'
import { column } from '#runtime/postgres/column.ts'
import { sql, type SqlFragment, type Transaction } from '#runtime/postgres/database.ts'
import { clipTexts } from '#runtime/text/clip-texts.ts'
import type { OpsEvent } from '#schemas/generated/types.ts'

/** What an incident is about. `company_id` null: the whole source. */
export type IncidentKey = { kind: 'standstill' | 'due'; data_source_id: number; company_id: number | null }

export type Incident = IncidentKey & { subject: string; message: string; facts: Record<string, string> }

function keyOf({ kind, data_source_id, company_id }: IncidentKey): string {
  return [kind, data_source_id, ...(company_id === null ? [] : [company_id])].join('/')
}

const incidentRow = z.object({
  dedupe_key: z.string(),
  kind: z.string(),
  data_source_id: z.number(),
  subject: z.string(),
  message: z.string(),
  facts: z.record(z.string(), z.string()),
  at: z.number(),
})
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
  const rows = incidents.map((incident) => ({ ...clipTexts(incident), dedupe_key: keyOf(incident) }))
  const opened = await tx.any(sql.type(incidentRow)`
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
  return keys.length > 0 ? closeWhere(tx, sql.fragment`dedupe_key = ANY(${column(keys, 'text', keyOf)})`) : 0
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
  const closed = await tx.any(sql.type(incidentRow)`
    UPDATE analyzer.incident i SET resolved_at = now() WHERE resolved_at IS NULL AND (${which})
    RETURNING ${columns}, floor(extract(epoch FROM i.resolved_at) * 1000)::bigint AS at`)
  return report(tx, closed, true)
}

async function report(tx: Transaction, rows: readonly z.infer<typeof incidentRow>[], resolved: boolean) {
  const events = rows.map((row): OpsEvent => {
    const { message, ...rest } = row
    const event_id = uuidv5(JSON.stringify([row.dedupe_key, resolved, row.at]), namespace)
    return { ...rest, event_id, service: 'analyzer', resolved, message: resolved ? `Resolved: ${message}` : message }
  })
  await addToOutbox(tx, 'analyzer', events)
  return rows.length
}

// Must never change: an event that is reported again must keep its id.
const namespace = '7b1c7c52-7e0d-4d5e-9c55-2f0b6a3f9d20'
