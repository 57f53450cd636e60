import { z } from 'zod'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { utcNow } from '#runtime/postgres/public-tables.ts'
import { arrayText, sqlArray } from '#runtime/postgres/column.ts'
import { type Column, columns } from '../read/coerce.ts'

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

/** A value of a payload as it is stored. Its date is ms since 1970. */
export type ValueRow = z.infer<typeof valueRow>
/** `column` names the table of `public` that parma-web looks into. */
export type NewValue = ValueRow & { column: Column }
/** Values that one payload, or one replay of it, brings. */
export type NewValues = {
  event_no: number
  replay_no: number | null
  observed_at: number
  company_id: number
  data_source_id: number
  subject_key: string
  values: readonly NewValue[]
}

/**
 * Stores values in `normalizer.value` and, as parma-web expects them, in `public.measurement_*_value`. One statement, to
 * which each value comes once, and what many share (their payload, their place in it) once for all of them: for small
 * payloads that halves what Node and Postgres do.
 */
export async function insertValues(tx: Transaction, brought: readonly NewValues[]): Promise<void> {
  // Of the others not even the company id need be one.
  const payloads = brought.filter(({ values }) => values.length > 0)
  if (payloads.length === 0) return
  const values = payloads.flatMap((payload) => payload.values)
  const payloadOf = payloads.flatMap((payload, index) => payload.values.map(() => index + 1))
  const { places, placeOf } = findPlaces(values)
  const ofValue = (type: string, pick: (value: NewValue) => string | number | null) => sqlArray(type, values, pick)
  const ofPayload = (type: string, pick: (payload: NewValues) => string | number | null) =>
    sqlArray(type, payloads, pick)
  const ofPlace = (type: string, pick: (place: NewValue) => string | number) => sqlArray(type, places, pick)
  const used = new Set(places.map(({ column }) => column))
  await tx.query(sql.unsafe`
    WITH n AS MATERIALIZED (
      SELECT event_no, replay_no, at, number, to_timestamp(date) AS date, seq, company_measurement_id,
        source_measurement_id, company_id, data_source_id, type, path, subject_key, item_key, item_label, text,
        members::text[], "column"
      FROM unnest(
        ${sqlArray('int4', payloadOf, (index) => index)},
        ${sqlArray('int4', placeOf, (index) => index)},
        ${ofValue('int4', (value) => value.seq)},
        ${ofValue('int4', (value) => value.company_measurement_id)},
        ${ofValue('float8', (value) => value.number)},
        ${ofValue('float8', ({ date }) => inSeconds(date))},
        ${ofValue('text', (value) => value.item_key)},
        ${ofValue('text', (value) => value.item_label)},
        ${ofValue('text', (value) => value.text)},
        ${ofValue('text', (value) => arrayLiteral(value.members))}
      ) WITH ORDINALITY AS v (payload, place, seq, company_measurement_id, number, date, item_key, item_label, text,
        members, position)
      JOIN (
        SELECT event_no, replay_no, to_timestamp(observed_at) AS at, company_id, data_source_id, subject_key, payload
        FROM unnest(
          ${ofPayload('int8', (payload) => payload.event_no)},
          ${ofPayload('int8', (payload) => payload.replay_no)},
          ${ofPayload('float8', ({ observed_at }) => observed_at / 1000)},
          ${ofPayload('int4', (payload) => payload.company_id)},
          ${ofPayload('int4', (payload) => payload.data_source_id)},
          ${ofPayload('text', (payload) => payload.subject_key)}
        ) WITH ORDINALITY AS p (event_no, replay_no, observed_at, company_id, data_source_id, subject_key, payload)
      ) AS p USING (payload)
      JOIN unnest(
        ${ofPlace('int4', (place) => place.source_measurement_id)},
        ${ofPlace('text', (place) => place.type)},
        ${ofPlace('text', (place) => place.path)},
        ${ofPlace('text', (place) => place.column)}
      ) WITH ORDINALITY AS o (source_measurement_id, type, path, "column", place) USING (place)
      ORDER BY position
    )${sql.join(columns.filter((column) => used.has(column)).map(intoPublic), sql.fragment``)}
    INSERT INTO normalizer.value (event_no, replay_no, observed_at, number, date, seq, company_measurement_id,
      source_measurement_id, company_id, data_source_id, type, path, subject_key, item_key, item_label, text, members)
    SELECT event_no, replay_no, at, number, date, seq, company_measurement_id, source_measurement_id, company_id,
      data_source_id, type, path, subject_key, item_key, item_label, text, members
    FROM n`)
}

/** Each place that these values have, once, and the number of each value's place, from 1. */
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

/** Of one path: two maps may say other things of it, and of one entry not all numbers go to one table. */
function isSamePlace(a: NewValue, b: NewValue): boolean {
  return a.source_measurement_id === b.source_measurement_id && a.type === b.type && a.column === b.column
}

/** The public tables have times without zone, which mean UTC, and no defaults that could be trusted to be. */
function intoPublic(name: Column) {
  const value =
    name === 'int' || name === 'float'
      ? sql.fragment`number`
      : name === 'date'
        ? sql.fragment`date AT TIME ZONE 'UTC'`
        : sql.fragment`text`
  // A subquery, so that it is found out once and not for each row.
  const now = sql.fragment`(SELECT ${utcNow})`
  return sql.fragment`, ${sql.identifier([`into_${name}`])} AS (
      INSERT INTO ${sql.identifier(['public', `measurement_${name}_value`])}
        (company_measurement_id, value, timestamp, created_at, modified_at)
      SELECT company_measurement_id, ${value}, at AT TIME ZONE 'UTC', ${now}, ${now} FROM n WHERE "column" = ${name}
    )`
}

const storedValue = valueRow.extend({ event_no: z.number(), replay_no: z.number().nullable() })
export type StoredValue = z.infer<typeof storedValue>

/** The stored values of these events, by event_no and in the order of the source text. */
export async function readValues(
  tx: Transaction,
  events: readonly { event_no: number; observed_at: number }[],
): Promise<StoredValue[]> {
  if (events.length === 0) return []
  // The times say in which partitions to look. Dates come as numbers: JavaScript reads the years 1 to 99 of Postgres'
  // own form as 19xx and 20xx.
  return [
    ...(await tx.any(sql.type(storedValue)`
      SELECT event_no, replay_no, seq, company_measurement_id, source_measurement_id, type, path, item_key, item_label,
        number, text, members, (extract(epoch FROM date) * 1000)::float8 AS date
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
