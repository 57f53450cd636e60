import { z } from 'zod'
import { sql, type Transaction } from '#runtime/postgres.ts'
import type { RawPayload } from '#schemas/generated/types.ts'

const ledgerRow = z.object({
  event_no: z.number(),
  event_id: z.string(),
  replay_id: z.string(),
  content_hash: z.string(),
  data_source_id: z.number(),
  source_name: z.string(),
  company_id: z.string(),
  task_id: z.number().nullable(),
  history: z.boolean(),
  observed_at: z.number().nullable(),
  map_version: z.number().nullable(),
  subject_key: z.string(),
  stored: z.number(),
  nulls: z.number(),
  unmapped: z.number(),
  refused: z.number(),
  reason: z.string().nullable(),
})

/** A row of `normalizer.processed_event`: a payload or a replay of it. */
export type LedgerRow = z.infer<typeof ledgerRow>

/** The columns that withLedger fills beside its own, one value per payload. */
export function ledgerColumns(payloads: readonly RawPayload[]): Record<string, [string, (string | number | null)[]]> {
  const each = <T extends string | number | null>(value: (payload: RawPayload) => T) => payloads.map(value)
  return {
    document: [
      'text',
      each(({ source_name, event_id }) => `parma/mining/datasource/${source_name}/raw_data/${event_id}`),
    ],
    data_source_id: ['int4', each((payload) => payload.data_source_id)],
    source_name: ['text', each((payload) => payload.source_name)],
    company_id: ['text', each((payload) => payload.company_id)],
    task_id: ['int4', each((payload) => payload.task_id)],
    received_at: ['timestamptz', each(({ received_at }) => new Date(received_at).toISOString())],
    history: ['bool', each(({ history }) => String(history))],
  }
}

/** All rows of these events, replays too, the oldest first, by event_id. */
export async function readLedger(tx: Transaction, eventIds: readonly string[]): Promise<Map<string, LedgerRow[]>> {
  const rows = await tx.any(sql.type(ledgerRow)`
    SELECT event_no, event_id, replay_id, content_hash, data_source_id, source_name, company_id, task_id, history,
      observed_at, map_version, subject_key, stored, nulls, unmapped, refused, reason
    FROM normalizer.processed_event
    WHERE event_id = ANY(${sql.array(eventIds, 'uuid')})
    ORDER BY event_no`)
  return Map.groupBy(rows, ({ event_id }) => event_id)
}

/** Writes what became of the payloads. */
export async function finishLedger(tx: Transaction, rows: readonly LedgerRow[]): Promise<void> {
  if (rows.length === 0) return
  const column = <T extends string | number | null>(type: string, value: (row: LedgerRow) => T) =>
    sql.array(rows.map(value), type)
  await tx.query(sql.unsafe`
    UPDATE normalizer.processed_event AS p
    SET observed_at = to_timestamp(n.observed_at), map_version = n.map_version, subject_key = n.subject_key,
      stored = n.stored, nulls = n.nulls, unmapped = n.unmapped, refused = n.refused, reason = n.reason
    FROM unnest(
      ${column('int8', (row) => row.event_no)},
      ${column('float8', (row) => (row.observed_at ?? 0) / 1000)},
      ${column('int4', (row) => row.map_version)},
      ${column('text', (row) => row.subject_key)},
      ${column('int4', (row) => row.stored)},
      ${column('int4', (row) => row.nulls)},
      ${column('int4', (row) => row.unmapped)},
      ${column('int4', (row) => row.refused)},
      ${column('text', (row) => row.reason)}
    ) AS n (event_no, observed_at, map_version, subject_key, stored, nulls, unmapped, refused, reason)
    WHERE p.event_no = n.event_no`)
}
