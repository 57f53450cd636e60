import { z } from 'zod'
import { sql, type Transaction } from '#runtime/postgres.ts'
import { utcNow } from '#runtime/public-tables.ts'
import { arrayText, sqlArray } from '#runtime/sql-array.ts'
import { type Column, columns } from './coerce.ts'

const valueRow = z.object({
  event_no: z.number(),
  replay_no: z.number().nullable(),
  observed_at: z.number(),
  seq: z.number(),
  company_measurement_id: z.number(),
  source_measurement_id: z.number(),
  company_id: z.number(),
  data_source_id: z.number(),
  type: z.string(),
  path: z.string(),
  subject_key: z.string(),
  item_key: z.string().nullable(),
  item_label: z.string().nullable(),
  number: z.number().nullable(),
  text: z.string().nullable(),
  date: z.number().nullable(),
  members: z.array(z.string()).nullable(),
})

/** A row of `normalizer.value`. Times are ms since 1970. */
export type ValueRow = z.infer<typeof valueRow>
export type NewValue = ValueRow & { column: Column }

/** Stores values in `normalizer.value` and, as parma-web expects them, in `public.measurement_*_value`. */
export async function insertValues(tx: Transaction, rows: readonly NewValue[]): Promise<void> {
  if (rows.length === 0) return
  const column = (type: string, value: (row: ValueRow) => string | number | null) => sqlArray(type, rows, value)
  await tx.query(sql.unsafe`
    INSERT INTO normalizer.value (event_no, replay_no, observed_at, number, date, seq, company_measurement_id,
      source_measurement_id, company_id, data_source_id, type, path, subject_key, item_key, item_label, text, members)
    SELECT event_no, replay_no, to_timestamp(observed_at), number, to_timestamp(date), seq, company_measurement_id,
      source_measurement_id, company_id, data_source_id, type, path, subject_key, item_key, item_label, text, members::text[]
    FROM unnest(
      ${column('int8', (row) => row.event_no)},
      ${column('int8', (row) => row.replay_no)},
      ${column('float8', (row) => row.observed_at / 1000)},
      ${column('float8', (row) => row.number)},
      ${column('float8', (row) => inSeconds(row.date))},
      ${column('int4', (row) => row.seq)},
      ${column('int4', (row) => row.company_measurement_id)},
      ${column('int4', (row) => row.source_measurement_id)},
      ${column('int4', (row) => row.company_id)},
      ${column('int4', (row) => row.data_source_id)},
      ${column('text', (row) => row.type)},
      ${column('text', (row) => row.path)},
      ${column('text', (row) => row.subject_key)},
      ${column('text', (row) => row.item_key)},
      ${column('text', (row) => row.item_label)},
      ${column('text', (row) => row.text)},
      ${column('text', (row) => arrayLiteral(row.members))}
    ) AS n (event_no, replay_no, observed_at, number, date, seq, company_measurement_id, source_measurement_id,
      company_id, data_source_id, type, path, subject_key, item_key, item_label, text, members)`)
  const byColumn = Map.groupBy(rows, (row) => row.column)
  for (const name of columns) {
    const values = byColumn.get(name)
    if (values) await insertPublic(tx, name, values)
  }
}

/** The public tables have times without zone, which mean UTC, and no defaults that could be trusted to be. */
async function insertPublic(tx: Transaction, name: Column, rows: readonly NewValue[]): Promise<void> {
  const value = sql.fragment`to_timestamp(value) AT TIME ZONE 'UTC'`
  await tx.query(sql.unsafe`
    INSERT INTO ${sql.identifier(['public', `measurement_${name}_value`])}
      (company_measurement_id, value, timestamp, created_at, modified_at)
    SELECT series, ${name === 'date' ? value : sql.fragment`value`}, to_timestamp(at) AT TIME ZONE 'UTC',
      ${utcNow}, ${utcNow}
    FROM unnest(
      ${sqlArray('int4', rows, (row) => row.company_measurement_id)},
      ${publicValues(name, rows)},
      ${sqlArray('float8', rows, (row) => row.observed_at / 1000)}
    ) AS n (series, value, at)`)
}

function publicValues(name: Column, rows: readonly NewValue[]) {
  if (name === 'int') return sqlArray('int4', rows, ({ number }) => number)
  if (name === 'float') return sqlArray('float8', rows, ({ number }) => number)
  if (name === 'date') return sqlArray('float8', rows, ({ date }) => inSeconds(date))
  return sqlArray('text', rows, ({ text }) => text)
}

/** The stored values of these events, by event_no and in the order of the source text. */
export async function readValues(
  tx: Transaction,
  events: readonly { event_no: number; observed_at: number }[],
): Promise<ValueRow[]> {
  if (events.length === 0) return []
  // The times say in which partitions to look. Dates come as numbers: JavaScript reads the years 1 to 99 of Postgres'
  // own form as 19xx and 20xx.
  return [
    ...(await tx.any(sql.type(valueRow)`
      SELECT event_no, replay_no, observed_at, seq, company_measurement_id, source_measurement_id, company_id,
        data_source_id, type, path, subject_key, item_key, item_label, number, text, members,
        (extract(epoch FROM date) * 1000)::float8 AS date
      FROM normalizer.value
      WHERE event_no = ANY(${sql.array(
        events.map(({ event_no }) => event_no),
        'int8',
      )})
        AND observed_at = ANY(${sql.array(
          events.map(({ observed_at }) => new Date(observed_at).toISOString()),
          'timestamptz',
        )})
      ORDER BY event_no, seq`)),
  ]
}

function inSeconds(ms: number | null): number | null {
  return ms === null ? null : ms / 1000
}

/** unnest cannot keep arrays of arrays apart, so they travel as text. */
function arrayLiteral(members: readonly string[] | null): string | null {
  return members && arrayText(members, (member) => member)
}
