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
  company_measurement_id: z.number(),
  subject_key: z.string(),
  item_key: z.string(),
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
    SELECT s.company_measurement_id, s.subject_key, s.item_key, s.event_no, s.observed_at, s.state, s.signal
    FROM unnest(${keyColumns(series)}) AS k (company_measurement_id, subject_key, item_key)
    JOIN analyzer.series_state s USING (company_measurement_id, subject_key, item_key)`)
  const states = new Map(
    rows.map((row): [string, SeriesState] => {
      const signal = row.signal && decodeSignal(row.event_no, row.signal)
      const state = { eventNo: row.event_no, observedAt: row.observed_at, ...row.state, ...(signal && { signal }) }
      return [storedKey(row), state]
    }),
  )
  return new Map(
    series.flatMap((one) => {
      const state = states.get(storedKey(one))
      return state ? [[one.key, state]] : []
    }),
  )
}

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
      ${ofState('text', ({ eventNo: _no, observedAt: _at, signal: _signal, ...state }) => JSON.stringify(state))},
      ${ofState('int4', (_, index) => starts[index]!)},
      ${ofState('int4', (_, index) => signals[index]?.length ?? null)}
    ) AS n (company_measurement_id, subject_key, item_key, event_no, observed_at, state, signal_start, signal_length)
    ON CONFLICT (company_measurement_id, subject_key, item_key) DO UPDATE
    SET event_no = excluded.event_no, observed_at = excluded.observed_at, state = excluded.state,
      signal = excluded.signal`)
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

function storedKey({ company_measurement_id, subject_key, item_key }: Omit<Series, 'key'>): string {
  return `${company_measurement_id}\0${indexable(subject_key)}\0${indexable(item_key ?? '')}`
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
