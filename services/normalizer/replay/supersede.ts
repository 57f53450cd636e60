import { z } from 'zod'
import { column, columnsOf } from '#runtime/postgres/column.ts'
import { sql, type SqlFragment, type Transaction } from '#runtime/postgres/database.ts'
import { type Column, columns, valueTypes } from '#runtime/read/coerce.ts'
import type { StoredValue } from '../store/values.ts'

/** A value that no longer counts. `by`: event_no of the row of the ledger that took its place. */
export type Superseded = { value: StoredValue; observed_at: number; by: number }

/** The tables of parma-web that may have values of a type. Those of ints have moved where the measurement became a float. */
const tablesOf = (type: string): readonly Column[] =>
  type === 'int' || type === 'bool' ? ['int', 'float'] : [type as Column]

/** `lost`: positions, from 1, of values without a row where they say it is. */
const goneRow = z.object({ gone: z.number(), lost: z.array(z.number()) })

/**
 * Moves values from `normalizer.value` to `normalizer.superseded_value`, and takes their rows out of the tables of parma-web.
 * A row there that is no longer equal to its value is not ours any more, and stays.
 */
export async function supersedeValues(tx: Transaction, superseded: readonly Superseded[]): Promise<void> {
  if (superseded.length === 0) return
  const of = columnsOf(superseded)
  const ofEvent = columnsOf([...new Map(superseded.map((one) => [one.value.event_no, one])).values()])
  const eventNo = ({ value }: Superseded) => value.event_no
  const time = ({ observed_at }: Superseded) => isoOf(observed_at)
  const tables = columns.filter((table) => superseded.some(({ value }) => tablesOf(value.type).includes(table)))
  // Without the conditions on events and times Postgres may prefer to read all values there are.
  const { gone, lost } = await tx.one(sql.type(goneRow)`
    WITH gone AS (
      DELETE FROM normalizer.value v
      USING unnest(
        ${of('int8', eventNo)},
        ${of('timestamptz', time)},
        ${of('int4', ({ value }) => value.seq)},
        ${of('text', ({ value }) => value.path)},
        ${of('int8', ({ by }) => by)}
      ) WITH ORDINALITY AS n (event_no, observed_at, seq, path, superseded_by, position)
      WHERE v.event_no = n.event_no AND v.observed_at = n.observed_at AND v.seq = n.seq AND v.path = n.path
        AND v.event_no = ANY(${ofEvent('int8', eventNo)}) AND v.observed_at = ANY(${ofEvent('timestamptz', time)})
      RETURNING v.event_no, v.replay_no, v.generation_no, v.observed_at, v.number, v.date, v.seq,
        v.company_measurement_id, v.source_measurement_id, v.company_id, v.data_source_id, v.type, v.path, v.subject_key,
        v.item_key, v.item_label, v.text, v.members, n.superseded_by, v.public_id, n.position
    ), kept AS (
      INSERT INTO normalizer.superseded_value (event_no, replay_no, generation_no, observed_at, number, date, seq,
        company_measurement_id, source_measurement_id, company_id, data_source_id, type, path, subject_key, item_key,
        item_label, text, members, superseded_by)
      SELECT event_no, replay_no, generation_no, observed_at, number, date, seq, company_measurement_id,
        source_measurement_id, company_id, data_source_id, type, path, subject_key, item_key, item_label, text, members,
        superseded_by
      FROM gone
    )${sql.join(tables.map(fromPublic), sql.fragment``)}
    SELECT count(*)::int AS gone, coalesce(json_agg(position) FILTER (WHERE position NOT IN (
      ${sql.join(
        tables.map((name) => sql.fragment`SELECT position FROM ${fromName(name)}`),
        sql.fragment` UNION ALL `,
      )}
    )), '[]') AS lost
    FROM gone`)
  if (gone !== superseded.length) throw new Error(`${superseded.length} values were to be superseded, and ${gone} are`)
  const searched = lost.map((position) => superseded[position - 1]!)
  for (const table of tables) {
    const some = searched.filter(({ value }) => tablesOf(value.type).includes(table))
    if (some.length > 0) await searchPublic(tx, table, some)
  }
}

/** Years before 1 need no thought: no date of a payload is that old. */
const isoOf = (ms: number) => new Date(ms).toISOString()

const fromName = (name: Column) => sql.identifier([`from_${name}`])
const publicTable = (name: Column) => sql.identifier(['public', `measurement_${name}_value`])

/** Deletes the rows that the values name. */
function fromPublic(name: Column): SqlFragment {
  const value =
    name === 'int' || name === 'float'
      ? sql.fragment`g.number`
      : name === 'date'
        ? sql.fragment`g.date AT TIME ZONE 'UTC'`
        : sql.fragment`g.text`
  const types = valueTypes.filter((type) => tablesOf(type).includes(name))
  return sql.fragment`, ${fromName(name)} AS (
      DELETE FROM ${publicTable(name)} p USING gone g
      WHERE g.type = ANY(${sql.array(types, 'text')}) AND p.id = g.public_id AND p.company_measurement_id = g.company_measurement_id
        AND p.timestamp = g.observed_at AT TIME ZONE 'UTC' AND p.value = ${value}
      RETURNING g.position
    )`
}

/**
 * Deletes rows of values whose rows are not known: the values were stored before that was noted, or somebody has moved or
 * deleted the rows. Of equal rows that no other value names it takes one each. No index leads to them, so the table is read
 * once for all.
 */
async function searchPublic(tx: Transaction, name: Column, superseded: readonly Superseded[]): Promise<void> {
  const table = publicTable(name)
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
        ${column(superseded, 'timestamptz', ({ observed_at }) => isoOf(observed_at))},
        ${values}
      ) AS n (series, observed_at, value)
    ), p AS (
      SELECT p.id, p.company_measurement_id, p.timestamp, p.value,
        row_number() OVER (PARTITION BY p.company_measurement_id, p.timestamp, p.value ORDER BY p.id) AS nth
      FROM ${table} p
      WHERE (p.company_measurement_id, p.timestamp) IN (SELECT series, at FROM n) AND NOT EXISTS (
        SELECT FROM normalizer.value v
        WHERE v.company_measurement_id = p.company_measurement_id AND v.observed_at = p.timestamp AT TIME ZONE 'UTC'
          AND v.public_id = p.id
      )
    )
    DELETE FROM ${table} d USING n, p
    WHERE d.id = p.id AND p.company_measurement_id = n.series AND p.timestamp = n.at AND p.value = n.value
      AND p.nth = n.nth`)
}
