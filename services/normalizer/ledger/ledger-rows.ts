import { z } from 'zod'
import { columnsOf } from '#runtime/postgres/column.ts'
import { sql, type SqlFragment, type Transaction } from '#runtime/postgres/database.ts'
import type { EmptyList, RawPayload } from '#schemas/generated/types.ts'

const ledgerRow = z.object({
  event_no: z.number(),
  event_id: z.string(),
  replay_id: z.string(),
  content_hash: z.string(),
  data_source_id: z.number(),
  source_name: z.string(),
  company_id: z.string(),
  task_id: z.number().nullable(),
  received_at: z.number(),
  history: z.boolean(),
  observed_at: z.number(),
  map_version: z.number().nullable(),
  subject_key: z.string(),
  list_revision: z.number().nullable(),
  // Written here alone. Null: none.
  empty_lists: z.custom<EmptyList[]>().nullable(),
  stored: z.number(),
  nulls: z.number(),
  unmapped: z.number(),
  refused: z.number(),
  reason: z.string().nullable(),
})

/** A row of `normalizer.processed_event`: a payload or a replay of it. */
export type LedgerRow = z.infer<typeof ledgerRow>

/** The row of a new payload or replay. */
export function newRow(
  {
    event_id,
    replay,
    content_hash,
    data_source_id,
    source_name,
    company_id,
    task_id,
    received_at,
    history,
  }: RawPayload,
  event_no: number,
  observed_at: number,
): LedgerRow {
  const replay_id = replay?.replay_id ?? ''
  const payload = {
    event_id,
    replay_id,
    content_hash,
    data_source_id,
    source_name,
    company_id,
    task_id,
    received_at,
    history,
  }
  const result = {
    ...{
      map_version: null,
      subject_key: '',
      list_revision: 0,
      empty_lists: null,
      stored: 0,
      nulls: 0,
      unmapped: 0,
      refused: 0,
    },
    reason: null,
  }
  return { event_no, ...payload, observed_at, ...result }
}

/** All rows of these events, including replays, by event_id, the oldest first. */
export async function readLedger(tx: Transaction, eventIds: readonly string[]): Promise<Map<string, LedgerRow[]>> {
  const rows = await tx.any(sql.type(ledgerRow)`
    SELECT event_no, event_id, replay_id, content_hash, data_source_id, source_name, company_id, task_id, received_at,
      history, observed_at, map_version, subject_key, list_revision, empty_lists, stored, nulls, unmapped, refused, reason
    FROM normalizer.processed_event
    WHERE event_id = ANY(${sql.array(eventIds, 'uuid')})
    ORDER BY event_no`)
  return Map.groupBy(rows, ({ event_id }) => event_id)
}

const numberRow = z.object({ event_no: z.number() })

/** Rising numbers for new rows. */
export async function takeEventNos(tx: Transaction, count: number): Promise<readonly number[]> {
  if (count === 0) return []
  return tx.anyFirst(sql.type(numberRow)`
    SELECT nextval((SELECT pg_get_serial_sequence('normalizer.processed_event', 'event_no')::regclass)) AS event_no
    FROM generate_series(1, ${count})`)
}

/**
 * Inserts complete rows and runs `update`, in one statement once `condition` is true. A row that already exists fails the
 * whole batch.
 */
export async function insertLedger(
  tx: Transaction,
  rows: readonly LedgerRow[],
  update: SqlFragment,
  condition: SqlFragment,
): Promise<void> {
  if (rows.length === 0) return
  const column = columnsOf(rows)
  await tx.query(sql.unsafe`
    WITH updated AS (${update})
    INSERT INTO normalizer.processed_event (event_no, event_id, replay_id, content_hash, document, data_source_id, source_name,
      company_id, task_id, received_at, history, observed_at, map_version, subject_key, list_revision, empty_lists, stored, nulls, unmapped,
      refused, reason)
    OVERRIDING SYSTEM VALUE
    SELECT event_no, event_id, replay_id, content_hash, 'parma/mining/datasource/' || source_name || '/raw_data/' || event_id,
      data_source_id, source_name, company_id, task_id, to_timestamp(received_at), history, to_timestamp(observed_at),
      map_version, subject_key, list_revision, empty_lists, stored, nulls, unmapped, refused, reason
    FROM unnest(
      ${column('int8', (row) => row.event_no)},
      ${column('uuid', (row) => row.event_id)},
      ${column('text', (row) => row.replay_id)},
      ${column('text', (row) => row.content_hash)},
      ${column('int4', (row) => row.data_source_id)},
      ${column('text', (row) => row.source_name)},
      ${column('text', (row) => row.company_id)},
      ${column('int4', (row) => row.task_id)},
      ${column('float8', (row) => row.received_at / 1000)},
      ${column('bool', (row) => row.history)},
      ${column('float8', (row) => row.observed_at / 1000)},
      ${column('int4', (row) => row.map_version)},
      ${column('text', (row) => row.subject_key)},
      ${column('int4', (row) => row.list_revision)},
      ${column('jsonb', (row) => row.empty_lists && JSON.stringify(row.empty_lists))},
      ${column('int4', (row) => row.stored)},
      ${column('int4', (row) => row.nulls)},
      ${column('int4', (row) => row.unmapped)},
      ${column('int4', (row) => row.refused)},
      ${column('text', (row) => row.reason)}
    ) AS n (event_no, event_id, replay_id, content_hash, data_source_id, source_name, company_id, task_id, received_at,
      history, observed_at, map_version, subject_key, list_revision, empty_lists, stored, nulls, unmapped, refused, reason)
    WHERE ${condition}`)
}
