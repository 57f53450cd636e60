import { z } from 'zod'
import { sql, type Transaction } from '#runtime/postgres/database.ts'

export type Parents = { companies: ReadonlySet<number>; sources: ReadonlySet<number> }

const idRow = z.object({ id: z.number() })

/** Which of these companies and data sources exist. Ids beyond int4 never do. */
export async function findParents(
  tx: Transaction,
  companyIds: readonly number[],
  sourceIds: readonly number[],
): Promise<Parents> {
  const possible = (ids: readonly number[]) =>
    sql.array(
      [...new Set(ids)].filter((id) => id > 0 && id < 2 ** 31),
      'int4',
    )
  const companies = await tx.anyFirst(
    sql.type(idRow)`SELECT id FROM public.company WHERE id = ANY(${possible(companyIds)})`,
  )
  const sources = await tx.anyFirst(
    sql.type(idRow)`SELECT id FROM public.data_source WHERE id = ANY(${possible(sourceIds)})`,
  )
  return { companies: new Set(companies), sources: new Set(sources) }
}
