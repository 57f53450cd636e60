import { z } from 'zod'
import { column, columnsOf } from '#runtime/postgres/column.ts'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { type Column, columns } from '#runtime/read/coerce.ts'
import type { StoredValue } from '../store/values.ts'

/** A value that no longer counts. `by`: event_no of the row of the ledger that took its place. */
export type Superseded = { value: StoredValue; observed_at: number; by: number }

/** The tables of parma-web that may have values of a type. Those of ints have moved where the measurement became a float. */
const tablesOf = (type: string): readonly Column[] =>
  type === 'int' || type === 'bool' ? ['int', 'float'] : [type as Column]

const goneRow = z.object({ gone: z.number() })

/**
 * Moves values from `normalizer.value` to `normalizer.superseded_value`, and takes their rows out of the tables of parma-web:
 * of equal rows one each. Nothing there says which row was made of which value, so equal ones stand for each other.
 */
export async function supersedeValues(tx: Transaction, superseded: readonly Superseded[]): Promise<void> {
  if (superseded.length === 0) return
  const of = columnsOf(superseded)
  const gone = await tx.oneFirst(sql.type(goneRow)`
    WITH gone AS (
      DELETE FROM normalizer.value v
      USING unnest(
        ${of('int8', ({ value }) => value.event_no)},
        ${of('timestamptz', ({ observed_at }) => new Date(observed_at).toISOString())},
        ${of('int4', ({ value }) => value.seq)},
        ${of('text', ({ value }) => value.path)},
        ${of('int8', ({ by }) => by)}
      ) AS n (event_no, observed_at, seq, path, superseded_by)
      WHERE v.event_no = n.event_no AND v.observed_at = n.observed_at AND v.seq = n.seq AND v.path = n.path
      RETURNING v.event_no, v.replay_no, v.generation_no, v.observed_at, v.number, v.date, v.seq,
        v.company_measurement_id, v.source_measurement_id, v.company_id, v.data_source_id, v.type, v.path, v.subject_key,
        v.item_key, v.item_label, v.text, v.members, n.superseded_by
    ), kept AS (
      INSERT INTO normalizer.superseded_value (event_no, replay_no, generation_no, observed_at, number, date, seq,
        company_measurement_id, source_measurement_id, company_id, data_source_id, type, path, subject_key, item_key,
        item_label, text, members, superseded_by)
      SELECT * FROM gone
    )
    SELECT count(*)::int AS gone FROM gone`)
  if (gone !== superseded.length) throw new Error(`${superseded.length} values were to be superseded, and ${gone} are`)
  for (const table of columns) {
    const some = superseded.filter(({ value }) => tablesOf(value.type).includes(table))
    if (some.length > 0) await deletePublic(tx, table, some)
  }
}

/** No index leads to these rows, so the table is read once for all. */
async function deletePublic(tx: Transaction, name: Column, superseded: readonly Superseded[]): Promise<void> {
  const table = sql.identifier(['public', `measurement_${name}_value`])
  const isNumber = name === 'int' || name === 'float'
  const values = isNumber
    ? column(superseded, 'float8', ({ value }) => value.number)
    : name === 'date'
      ? column(superseded, 'timestamptz', ({ value }) => (value.date === null ? null : isoOf(value.date)))
      : column(superseded, 'text', ({ value }) => value.text)
  const wanted = name === 'date' ? sql.fragment`n.value AT TIME ZONE 'UTC'` : sql.fragment`n.value`
  await tx.query(sql.unsafe`
    WITH n AS (
      SELECT n.series, n.observed_at AT TIME ZONE 'UTC' AS at, ${wanted} AS value,
        row_number() OVER (PARTITION BY n.series, n.observed_at, n.value) AS nth
      FROM unnest(
        ${column(superseded, 'int4', ({ value }) => value.company_measurement_id)},
        ${column(superseded, 'timestamptz', ({ observed_at }) => new Date(observed_at).toISOString())},
        ${values}
      ) AS n (series, observed_at, value)
    ), p AS (
      SELECT p.id, p.company_measurement_id, p.timestamp, p.value,
        row_number() OVER (PARTITION BY p.company_measurement_id, p.timestamp, p.value ORDER BY p.id) AS nth
      FROM ${table} p
      WHERE (p.company_measurement_id, p.timestamp) IN (SELECT series, at FROM n)
    )
    DELETE FROM ${table} d USING n, p
    WHERE d.id = p.id AND p.company_measurement_id = n.series AND p.timestamp = n.at AND p.value = n.value
      AND p.nth = n.nth`)
}

/** Years before 1 need no thought: no date of a payload is that old. */
const isoOf = (ms: number) => new Date(ms).toISOString()
