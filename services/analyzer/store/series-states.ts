import { z } from 'zod'
import { column, columnsOf } from '#runtime/postgres/column.ts'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { lock, lockShared } from '#runtime/postgres/lock.ts'
import { indexable } from '../values/indexable.ts'
import type { Subject } from '../values/payload.ts'
import { stateVersion } from '../signals/state.ts'
import type { SeriesState } from '../values/series-state.ts'
import { decodeSignal, encodeSignal } from '../values/signal-bytes.ts'

/** A series; `key` is its seriesKey, made of the other members. */
export type Series = { key: string; company_measurement_id: number; subject_key: string; item_key: string | null }

const stateRow = z.object({
  index: z.number(),
  event_no: z.number(),
  observed_at: z.number(),
  // Written here alone, from a SeriesState.
  state: z.custom<Omit<SeriesState, 'eventNo' | 'observedAt' | 'signal'>>(),
  signal: z.instanceof(Buffer).nullable(),
})

/** The stored states of these series, by key. New series are missing. */
export async function readStates(tx: Transaction, series: readonly Series[]): Promise<Map<string, SeriesState>> {
  if (series.length === 0) return new Map()
  const rows = await tx.any(sql.type(stateRow)`
    SELECT k.index, s.event_no, date_part('epoch', s.observed_at) * 1000 AS observed_at, s.state, s.signal
    FROM unnest(${keyColumns(series)}, ${column(series, 'int4', (_, index) => index)})
      AS k (company_measurement_id, subject_key, item_key, index)
    JOIN analyzer.series_state s USING (company_measurement_id, subject_key, item_key)`)
  return new Map(
    rows.map((row): [string, SeriesState] => {
      const signal = row.signal && decodeSignal(row.event_no, row.signal)
      const known = { eventNo: row.event_no, observedAt: Math.round(row.observed_at) }
      return [series[row.index]!.key, { ...known, ...row.state, ...(signal && { signal }) }]
    }),
  )
}

/** What of a state is not in its JSON. To copy all and then leave these out is fast. */
const ownColumns = { eventNo: undefined, observedAt: undefined, signal: undefined }

export async function writeStates(
  tx: Transaction,
  series: readonly Series[],
  states: ReadonlyMap<string, SeriesState>,
): Promise<void> {
  const changed = series.filter(({ key }) => states.has(key))
  if (changed.length === 0) return
  const ofState = columnsOf(changed.map(({ key }) => states.get(key) as SeriesState))
  // All signals are one parameter: Postgres takes bytes as they are, and an array of them only as text.
  const signals = changed.map(({ key }) => {
    const { eventNo, signal } = states.get(key)!
    // One that was withheld before an upgrade may be of another version.
    return signal?.version === stateVersion ? encodeSignal(eventNo, signal) : null
  })
  let end = 1
  const starts = signals.map((one) => (end += one?.length ?? 0) - (one?.length ?? 0))
  await tx.query(sql.unsafe`
    INSERT INTO analyzer.series_state
      (company_measurement_id, subject_key, item_key, event_no, observed_at, state, signal)
    SELECT company_measurement_id, subject_key, item_key, event_no, to_timestamp(observed_at), state::jsonb,
      substring(${sql.binary(Buffer.concat(signals.flatMap((one) => one ?? [])))}::bytea FROM signal_start FOR signal_length)
    FROM unnest(
      ${keyColumns(changed)},
      ${ofState('int8', ({ eventNo }) => eventNo)},
      ${ofState('float8', ({ observedAt }) => observedAt / 1000)},
      ${ofState('text', (state) => JSON.stringify({ ...state, ...ownColumns }))},
      ${ofState('int4', (_, index) => starts[index]!)},
      ${ofState('int4', (_, index) => signals[index]?.length ?? null)}
    ) AS n (company_measurement_id, subject_key, item_key, event_no, observed_at, state, signal_start, signal_length)
    ON CONFLICT (company_measurement_id, subject_key, item_key) DO UPDATE
    SET event_no = excluded.event_no, observed_at = excluded.observed_at, state = excluded.state,
      signal = excluded.signal`)
}

/** Forgets series that have no value any more. */
export async function deleteStates(tx: Transaction, series: readonly Series[]): Promise<void> {
  if (series.length === 0) return
  await tx.query(sql.unsafe`
    DELETE FROM analyzer.series_state s USING unnest(${keyColumns(series)})
      AS k (company_measurement_id, subject_key, item_key)
    WHERE (s.company_measurement_id, s.subject_key, s.item_key) = (k.company_measurement_id, k.subject_key, k.item_key)`)
}

function keyColumns(series: readonly Series[]) {
  return sql.join(
    [
      column(series, 'int4', (one) => one.company_measurement_id),
      column(series, 'text', (one) => indexable(one.subject_key)),
      column(series, 'text', (one) => indexable(one.item_key ?? '')),
    ],
    sql.fragment`, `,
  )
}

/** The lock of all that is remembered of companies: series and subjects. */
const statesLock = 'analyzer.states'

/** Companies share locks, so that a transaction has few. */
const locks = 64

type OfCompany = Pick<Subject, 'company_id'>

/**
 * Waits while the states of these companies are rebuilt, and keeps others from rebuilding them until the transaction
 * ends. Whoever reads states and writes what follows from them takes this before it reads.
 */
export async function keepStates(tx: Transaction, payloads: readonly OfCompany[]): Promise<void> {
  if (payloads.length === 0) return
  await lockShared(
    tx,
    statesLock,
    payloads.map(({ company_id }) => Number(company_id) % locks),
  )
}

/** Waits until nobody works with the states of the company, and excludes everybody until the transaction ends. */
export async function replaceStates(tx: Transaction, { company_id }: OfCompany): Promise<void> {
  await lock(tx, statesLock, Number(company_id) % locks)
}
