import { z } from 'zod'
import { sql, type Transaction } from '#runtime/postgres.ts'

export type Timed = { company_id: string; data_source_id: number; received_at: number; observed_at: number | null }

const lastRow = z.object({ company_id: z.string(), data_source_id: z.number(), observed_at: z.number() })

/**
 * The observed time of each payload, in order: what the module said; else the time it was received, or 1 ms after the last
 * one of its company and source if that is later. So only an explicit time is ever late. Others that ask for the same
 * company and source wait until `tx` ends.
 */
export async function giveTimes(tx: Transaction, payloads: readonly Timed[]): Promise<number[]> {
  if (payloads.length === 0) return []
  const distinct = [...new Map(payloads.map((payload) => [keyOf(payload), payload])).values()]
  const locked = await tx.any(sql.type(lastRow)`
    INSERT INTO normalizer.last_observed AS l (company_id, data_source_id, observed_at)
    SELECT company_id, data_source_id, to_timestamp(0)
    FROM unnest(
      ${sql.array(
        distinct.map(({ company_id }) => company_id),
        'text',
      )},
      ${sql.array(
        distinct.map(({ data_source_id }) => data_source_id),
        'int4',
      )}
    ) AS n (company_id, data_source_id)
    ORDER BY company_id, data_source_id
    ON CONFLICT (company_id, data_source_id) DO UPDATE SET observed_at = l.observed_at
    RETURNING company_id, data_source_id, observed_at`)
  const last = new Map(locked.map((row) => [keyOf(row), row.observed_at]))
  const times = payloads.map((payload) => {
    const before = last.get(keyOf(payload)) ?? 0
    const time = payload.observed_at ?? Math.max(payload.received_at, before + 1)
    last.set(keyOf(payload), Math.max(before, time))
    return time
  })
  await tx.query(sql.unsafe`
    UPDATE normalizer.last_observed AS l SET observed_at = to_timestamp(n.observed_at)
    FROM unnest(
      ${sql.array(
        distinct.map(({ company_id }) => company_id),
        'text',
      )},
      ${sql.array(
        distinct.map(({ data_source_id }) => data_source_id),
        'int4',
      )},
      ${sql.array(
        distinct.map((payload) => (last.get(keyOf(payload)) ?? 0) / 1000),
        'float8',
      )}
    ) AS n (company_id, data_source_id, observed_at)
    WHERE l.company_id = n.company_id AND l.data_source_id = n.data_source_id`)
  return times
}

function keyOf({ company_id, data_source_id }: Pick<Timed, 'company_id' | 'data_source_id'>): string {
  return `${data_source_id}/${company_id}`
}
