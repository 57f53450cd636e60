import { z } from 'zod'
import { arrayText, column, columnsOf } from '#runtime/postgres/column.ts'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { utcNow } from '#runtime/postgres/public-tables.ts'
import { type Column, columns } from '#runtime/read/coerce.ts'
import { scoreSentiment } from '#runtime/understand/sentiment.ts'

const valueRow = z.object({
  seq: z.number(),
  company_measurement_id: z.number(),
  source_measurement_id: z.number(),
  type: z.string(),
  path: z.string(),
  item_key: z.string().nullable(),
  item_label: z.string().nullable(),
  number: z.number().nullable(),
  text: z.string().nullable(),
  date: z.number().nullable(),
  members: z.array(z.string()).nullable(),
})

/** A stored value. `date`: ms since 1970. */
export type ValueRow = z.infer<typeof valueRow>
/** `column` names the table in `public` that parma-web reads; of an int whose measurement is a float one, `float`. */
export type NewValue = ValueRow & { column: Column }
/** The new values of one payload or replay. `generation_no`: of the row of the ledger, where they take the place of others. */
export type NewValues = {
  event_no: number
  replay_no: number | null
  generation_no: number | null
  observed_at: number
  company_id: number
  data_source_id: number
  subject_key: string
  values: readonly NewValue[]
}

/**
 * Stores values in `normalizer.value` and, as parma-web expects, in `public.measurement_*_value`. It is one statement
 * that gets each value once, and what many share (payload and place) once for all. For small payloads this halves the
 * work of Node and Postgres.
 */
export async function insertValues(tx: Transaction, brought: readonly NewValues[]): Promise<void> {
  // Payloads without values may have a company id that is not a number.
  const payloads = brought.filter(({ values }) => values.length > 0)
  if (payloads.length === 0) return
  const values = payloads.flatMap((payload) => payload.values)
  const payloadOf = payloads.flatMap((payload, index) => payload.values.map(() => index + 1))
  const { places, placeOf } = findPlaces(values)
  const ofValue = columnsOf(values)
  const ofPayload = columnsOf(payloads)
  const ofPlace = columnsOf(places)
  const used = new Set(places.flatMap(({ column }): Column[] => (column === 'int' ? ['int', 'float'] : [column])))
  const tables = columns.filter((column) => used.has(column))
  await tx.query(sql.unsafe`
    WITH n AS MATERIALIZED (
      SELECT event_no, replay_no, generation_no, at, number, to_timestamp(date) AS date, seq, company_measurement_id,
        source_measurement_id, company_id, data_source_id, type, path, subject_key, item_key, item_label, text,
        members::text[], "column", sentiment, (CASE "column" ${sql.join(tables.map(nextId), sql.fragment` `)} END)::int AS public_id
      FROM unnest(
        ${column(payloadOf, 'int4', (index) => index)},
        ${column(placeOf, 'int4', (index) => index)},
        ${ofValue('int4', (value) => value.seq)},
        ${ofValue('int4', (value) => value.company_measurement_id)},
        ${ofValue('float8', (value) => value.number)},
        ${ofValue('float8', ({ date }) => inSeconds(date))},
        ${ofValue('text', (value) => value.item_key)},
        ${ofValue('text', (value) => value.item_label)},
        ${ofValue('text', (value) => value.text)},
        ${ofValue('text', (value) => arrayLiteral(value.members))},
        ${used.has('comment') ? ofValue('int4', sentimentOf) : sql.fragment`'{}'::int4[]`}
      ) WITH ORDINALITY AS v (payload, place, seq, company_measurement_id, number, date, item_key, item_label, text,
        members, sentiment, position)
      JOIN (
        SELECT event_no, replay_no, generation_no, to_timestamp(observed_at) AS at, company_id, data_source_id,
          subject_key, payload
        FROM unnest(
          ${ofPayload('int8', (payload) => payload.event_no)},
          ${ofPayload('int8', (payload) => payload.replay_no)},
          ${ofPayload('int8', (payload) => payload.generation_no)},
          ${ofPayload('float8', ({ observed_at }) => observed_at / 1000)},
          ${ofPayload('int4', (payload) => payload.company_id)},
          ${ofPayload('int4', (payload) => payload.data_source_id)},
          ${ofPayload('text', (payload) => payload.subject_key)}
        ) WITH ORDINALITY AS p (event_no, replay_no, generation_no, observed_at, company_id, data_source_id, subject_key, payload)
      ) AS p USING (payload)
      JOIN (
        SELECT source_measurement_id, o.type, path, place,
          CASE WHEN o.type = 'int' AND lower(m.type) = 'float' THEN 'float' ELSE "column" END AS "column"
        FROM unnest(
          ${ofPlace('int4', (place) => place.source_measurement_id)},
          ${ofPlace('text', (place) => place.type)},
          ${ofPlace('text', (place) => place.path)},
          ${ofPlace('text', (place) => place.column)}
        ) WITH ORDINALITY AS o (source_measurement_id, type, path, "column", place)
        LEFT JOIN public.source_measurement m ON m.id = source_measurement_id
      ) AS o USING (place)
      ORDER BY position
    )${sql.join(tables.map(intoPublic), sql.fragment``)}
    INSERT INTO normalizer.value (event_no, replay_no, generation_no, observed_at, number, date, seq,
      company_measurement_id, source_measurement_id, company_id, data_source_id, type, path, subject_key, item_key,
      item_label, text, members, public_id)
    SELECT event_no, replay_no, generation_no, at, number, date, seq, company_measurement_id, source_measurement_id, company_id,
      data_source_id, type, path, subject_key, item_key, item_label, text, members, public_id
    FROM n`)
}

/** The distinct places of these values, and the number of each value's place, from 1. */
function findPlaces(values: readonly NewValue[]): { places: NewValue[]; placeOf: number[] } {
  const places: NewValue[] = []
  const byPath = new Map<string, number[]>()
  const placeOf = values.map((value) => {
    const numbers = byPath.get(value.path) ?? []
    const known = numbers.find((number) => isSamePlace(places[number - 1] as NewValue, value))
    if (known !== undefined) return known
    const number = places.push(value)
    byPath.set(value.path, [...numbers, number])
    return number
  })
  return { places, placeOf }
}

/** For values at one path: two maps may treat it differently, and numbers of one entry may go to two tables. */
function isSamePlace(a: NewValue, b: NewValue): boolean {
  return a.source_measurement_id === b.source_measurement_id && a.type === b.type && a.column === b.column
}

/** The number of a new row of a public table: known before the row is there, so that `normalizer.value` can name it. */
function nextId(name: Column) {
  const table = `public.measurement_${name}_value`
  // A subquery is evaluated once, not for each row.
  return sql.fragment`WHEN ${name} THEN nextval((SELECT pg_get_serial_sequence(${table}, 'id')::regclass))`
}

/** The public tables have times without zone, which mean UTC, and no dependable defaults. */
function intoPublic(name: Column) {
  const value =
    name === 'int' || name === 'float'
      ? sql.fragment`number`
      : name === 'date'
        ? sql.fragment`date AT TIME ZONE 'UTC'`
        : sql.fragment`text`
  const [more, moreValues] =
    name === 'comment' ? [sql.fragment`, sentiment_score`, sql.fragment`, sentiment`] : [sql.fragment``, sql.fragment``]
  const now = sql.fragment`(SELECT ${utcNow})`
  return sql.fragment`, ${sql.identifier([`into_${name}`])} AS (
      INSERT INTO ${sql.identifier(['public', `measurement_${name}_value`])}
        (id, company_measurement_id, value, timestamp, created_at, modified_at${more})
      SELECT public_id, company_measurement_id, ${value}, at AT TIME ZONE 'UTC', ${now}, ${now}${moreValues} FROM n WHERE "column" = ${name}
    )`
}

const storedValue = valueRow.extend({
  event_no: z.number(),
  replay_no: z.number().nullable(),
  generation_no: z.number().nullable(),
})
export type StoredValue = z.infer<typeof storedValue>

/** The stored values of these events, by event_no and in the order of the source text. */
export async function readValues(
  tx: Transaction,
  events: readonly { event_no: number; observed_at: number }[],
): Promise<StoredValue[]> {
  if (events.length === 0) return []
  // The times limit the partitions to search. Dates come as numbers, because JavaScript reads the years 1 to 99 in
  // Postgres' own format as 19xx and 20xx.
  return [
    ...(await tx.any(sql.type(storedValue)`
      SELECT event_no, replay_no, generation_no, seq, company_measurement_id, source_measurement_id, type, path, item_key, item_label,
        number, text, members, (extract(epoch FROM date) * 1000)::float8 AS date
      FROM normalizer.value
      WHERE event_no = ANY(${column(events, 'int8', ({ event_no }) => event_no)})
        AND observed_at = ANY(${column(events, 'timestamptz', ({ observed_at }) => new Date(observed_at).toISOString())})
      ORDER BY event_no, seq`)),
  ]
}

function sentimentOf({ column, text }: NewValue): number | null {
  return column === 'comment' && text !== null ? scoreSentiment(text) : null
}

function inSeconds(ms: number | null): number | null {
  return ms === null ? null : ms / 1000
}

/** unnest flattens arrays of arrays, so they travel as text. */
function arrayLiteral(members: readonly string[] | null): string | null {
  return members && arrayText(members, (member) => member)
}
