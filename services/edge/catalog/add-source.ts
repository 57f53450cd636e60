import { z } from 'zod'
import { writeAudit } from '#runtime/changes/audit.ts'
import { readRow } from '#runtime/changes/audit-command.ts'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { lockTable, utcNow } from '#runtime/postgres/public-tables.ts'
import { linkMissing } from './source-links.ts'

export const frequencies = ['hourly', 'daily', 'weekly', 'monthly'] as const

/** A source as it is added. The frequency is one of `frequencies`, in any case. */
export type NewSource = {
  name: string
  endpoint: string
  frequency: string
  maxRunSeconds: number
  description: string | null
  isActive: boolean
  /** Links it with every company that exists. */
  allCompanies: boolean
}

const idRow = z.object({ id: z.number() })

/** The source of this name, the oldest if there are several; null: there is none. */
export function findByName(tx: Pick<Transaction, 'maybeOneFirst'>, name: string): Promise<number | null> {
  return tx.maybeOneFirst(
    sql.type(idRow)`SELECT id FROM public.data_source WHERE source_name = ${name} ORDER BY id LIMIT 1`,
  )
}

/** Adds a source, with its audit row, unless one has the name: `added` is false then. For pages and commands. */
export async function addSource(
  tx: Transaction,
  { name, endpoint, frequency, maxRunSeconds, description, isActive, allCompanies }: NewSource,
  actor: string,
): Promise<{ id: number; added: boolean }> {
  await lockTable(tx, 'data_source')
  const known = await findByName(tx, name)
  if (known !== null) return { id: known, added: false }
  const { id } = await tx.one(sql.type(idRow)`
    INSERT INTO public.data_source
      (source_name, is_active, frequency, health_status, description, max_run_seconds, invocation_endpoint, created_at,
        modified_at)
    VALUES (${name}, ${isActive}, ${frequency.toUpperCase()}::public.frequency, 'UP', ${description}, ${maxRunSeconds},
      ${endpoint}, ${utcNow}, ${utcNow})
    RETURNING id`)
  // The trigger of parma-web links a new source with every company.
  if (allCompanies) await linkMissing(tx, { sourceId: id })
  else await tx.query(sql.unsafe`DELETE FROM public.company_data_source WHERE data_source_id = ${id}`)
  const after = await readRow(tx, ['public', 'data_source'], { key: 'id', id })
  await writeAudit(tx, 'edge', { actor, kind: 'edge.source.add', subject: `source:${id}`, before: null, after })
  return { id, added: true }
}
