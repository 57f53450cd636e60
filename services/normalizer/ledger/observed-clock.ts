import { z } from 'zod'
import { column } from '#runtime/postgres/column.ts'
import { sql, type Transaction } from '#runtime/postgres/database.ts'

type Timed = { company_id: string; data_source_id: number; received_at: number; observed_at: number | null }

/** The last observed time (ms) of each company and source in a batch. */
export type Clocks = { readonly pairs: readonly Pair[]; readonly last: Map<string, number> }
type Pair = { company_id: string; data_source_id: number }

const lastRow = z.object({ company_id: z.string(), data_source_id: z.number(), observed_at: z.number() })

/** Makes transactions with the same company and source wait until `tx` ends, so that they see all it wrote. */
export async function lockClocks(tx: Transaction, payloads: readonly Pair[]): Promise<Clocks> {
  const pairs = [...new Map(payloads.map((payload) => [keyOf(payload), payload])).values()]
  const locked = await tx.any(sql.type(lastRow)`
    INSERT INTO normalizer.last_observed AS l (company_id, data_source_id, observed_at)
    SELECT company_id, data_source_id, to_timestamp(0)
    FROM unnest(
      ${column(pairs, 'text', ({ company_id }) => company_id)},
      ${column(pairs, 'int4', ({ data_source_id }) => data_source_id)}
    ) AS n (company_id, data_source_id)
    ORDER BY company_id, data_source_id
    ON CONFLICT (company_id, data_source_id) DO UPDATE SET observed_at = l.observed_at
    RETURNING company_id, data_source_id, observed_at`)
  return { pairs, last: new Map(locked.map((row) => [keyOf(row), row.observed_at])) }
}

/**
 * The observed time of the next payload: the explicit one; else the time of receipt, but at least 1 ms after the last
 * payload of its company and source. So only an explicit time can be late.
 */
export function giveTime({ last }: Clocks, payload: Timed): number {
  const key = keyOf(payload)
  const before = last.get(key) ?? 0
  const time = payload.observed_at ?? Math.max(payload.received_at, before + 1)
  last.set(key, Math.max(before, time))
  return time
}

/** Stores the times that giveTime gave. */
export async function saveClocks(tx: Transaction, { pairs, last }: Clocks): Promise<void> {
  await tx.query(sql.unsafe`
    UPDATE normalizer.last_observed AS l SET observed_at = to_timestamp(n.observed_at)
    FROM unnest(
      ${column(pairs, 'text', ({ company_id }) => company_id)},
      ${column(pairs, 'int4', ({ data_source_id }) => data_source_id)},
      ${column(pairs, 'float8', (pair) => (last.get(keyOf(pair)) ?? 0) / 1000)}
    ) AS n (company_id, data_source_id, observed_at)
    WHERE l.company_id = n.company_id AND l.data_source_id = n.data_source_id`)
}

function keyOf({ company_id, data_source_id }: Pair): string {
  return `${data_source_id}/${company_id}`
}
