import { z } from 'zod'
import { column } from '#runtime/postgres/column.ts'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import type { Readable } from '#runtime/understand/understand.ts'
import type { Matched } from '../ledger/work.ts'

/** What is there before payloads are written. `hasOpenIncidents`: one may end with them, if they are right. */
export type Before = { companies: ReadonlySet<number>; sources: ReadonlySet<number>; hasOpenIncidents: boolean }

const foundRow = z.object({ kind: z.enum(['company', 'source', 'incident']), id: z.number() })

/**
 * Which of these companies and data sources exist, and whether there are open incidents that these companies showed, or
 * null rates of these sources. Ids beyond int4 never exist. One statement, because each batch needs it.
 */
export async function readBefore(tx: Transaction, fresh: readonly Matched<Readable>[]): Promise<Before> {
  if (fresh.length === 0) return { companies: new Set(), sources: new Set(), hasOpenIncidents: false }
  const pairs = [...new Map(fresh.map(({ row }) => [`${row.data_source_id}/${row.company_id}`, row])).values()]
  const possible = (ids: readonly number[]) =>
    sql.array(
      [...new Set(ids)].filter((id) => id > 0 && id < 2 ** 31),
      'int4',
    )
  const found = await tx.any(sql.type(foundRow)`
    SELECT 'company' AS kind, id FROM public.company
    WHERE id = ANY(${possible(pairs.map(({ company_id }) => Number(company_id)))})
    UNION ALL
    SELECT 'source', id FROM public.data_source
    WHERE id = ANY(${possible(pairs.map(({ data_source_id }) => data_source_id))})
    UNION ALL
    SELECT 'incident', n.data_source_id
    FROM unnest(
      ${column(pairs, 'int4', ({ data_source_id }) => data_source_id)},
      ${column(pairs, 'text', ({ company_id }) => company_id)}
    ) AS n (data_source_id, company_id)
    WHERE EXISTS (
      SELECT FROM normalizer.drift AS d
      WHERE d.data_source_id = n.data_source_id AND d.company_id = n.company_id AND d.ended_at IS NULL
    ) OR EXISTS (
      SELECT FROM normalizer.drift AS d
      WHERE d.data_source_id = n.data_source_id AND d.kind = 'null-rate' AND d.ended_at IS NULL
    )`)
  const idsOf = (kind: string) => new Set(found.filter((one) => one.kind === kind).map(({ id }) => id))
  return { companies: idsOf('company'), sources: idsOf('source'), hasOpenIncidents: idsOf('incident').size > 0 }
}
