import { z } from 'zod'
import { column } from '#runtime/postgres/column.ts'
import { sql, type SqlFragment, type Transaction } from '#runtime/postgres/database.ts'
import type { Subject } from '#runtime/understand/subject.ts'

type Timed = Pair & { received_at: number; observed_at: number | null }

/** What is kept of a company and source. Times in ms since 1970. */
type Clock = {
  /** The newest observed time. */
  observed: number
  /** The newest time of receipt. */
  received: number
  /** What its payloads are about; null if that has not been looked up in values from before it was kept. */
  subjects: readonly Subject[] | null
  knowsMore: boolean
  /** It had values before list keys were kept. */
  isOld: boolean
}
/** Those of a batch. `toleranceMs`: how much earlier than the last payload one may be received that is in order. */
export type Clocks = {
  readonly pairs: readonly Pair[]
  readonly toleranceMs: number
  readonly of: (pair: Pair) => Clock
}
type Pair = { company_id: string; data_source_id: number }

const lastRow = z.object({
  company_id: z.string(),
  data_source_id: z.number(),
  observed_at: z.number(),
  received_at: z.number(),
  // Written here alone.
  subjects: z.custom<Subject[]>().nullable(),
  before_list_keys: z.boolean(),
})

/** Makes transactions with the same company and source wait until `tx` ends, so that they see all it wrote. */
export async function lockClocks(toleranceMs: number, tx: Transaction, payloads: readonly Pair[]): Promise<Clocks> {
  const pairs = [...new Map(payloads.map((payload) => [keyOf(payload), payload])).values()]
  const locked = await tx.any(sql.type(lastRow)`
    INSERT INTO normalizer.last_observed AS l (company_id, data_source_id, observed_at, subjects, before_list_keys)
    SELECT company_id, data_source_id, to_timestamp(0), '[]', false
    FROM unnest(
      ${column(pairs, 'text', ({ company_id }) => company_id)},
      ${column(pairs, 'int4', ({ data_source_id }) => data_source_id)}
    ) AS n (company_id, data_source_id)
    ORDER BY company_id, data_source_id
    ON CONFLICT (company_id, data_source_id) DO UPDATE SET observed_at = l.observed_at
    RETURNING company_id, data_source_id, observed_at, received_at, subjects, before_list_keys`)
  const clocks = new Map(
    locked.map((row): [string, Clock] => {
      const { observed_at: observed, received_at: received, subjects, before_list_keys: isOld } = row
      return [keyOf(row), { observed, received, subjects, knowsMore: false, isOld }]
    }),
  )
  return { pairs, toleranceMs, of: (pair) => clocks.get(keyOf(pair))! }
}

/**
 * The observed time of the next payload: the explicit one; else the time of receipt, but at least 1 ms after the last
 * payload of its company and source. One without an explicit time that was received longer before the last one than clocks
 * differ (partitions were grown, or a log is read again) keeps its time of receipt and is late.
 */
export function giveTime(clocks: Clocks, { observed_at, received_at, ...pair }: Timed): number {
  const clock = clocks.of(pair)
  const isLate = received_at < clock.received - clocks.toleranceMs
  const time = observed_at ?? (isLate ? received_at : Math.max(received_at, clock.observed + 1))
  clock.observed = Math.max(clock.observed, time)
  clock.received = Math.max(clock.received, received_at)
  return time
}

/** The statement that stores the times that giveTime gave, and what the payloads are about. */
export function clocksUpdate({ pairs, of }: Clocks): SqlFragment {
  return sql.fragment`
    UPDATE normalizer.last_observed AS l
    SET observed_at = to_timestamp(n.observed_at), received_at = to_timestamp(n.received_at),
      subjects = coalesce(n.subjects::jsonb, l.subjects)
    FROM unnest(
      ${column(pairs, 'text', ({ company_id }) => company_id)},
      ${column(pairs, 'int4', ({ data_source_id }) => data_source_id)},
      ${column(pairs, 'float8', (pair) => of(pair).observed / 1000)},
      ${column(pairs, 'float8', (pair) => of(pair).received / 1000)},
      ${column(pairs, 'text', (pair) => (of(pair).knowsMore ? JSON.stringify(of(pair).subjects) : null))}
    ) AS n (company_id, data_source_id, observed_at, received_at, subjects)
    WHERE l.company_id = n.company_id AND l.data_source_id = n.data_source_id`
}

function keyOf({ company_id, data_source_id }: Pair): string {
  return `${data_source_id}/${company_id}`
}
