import { z } from 'zod'
import { column } from '#runtime/postgres/column.ts'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { lockTable, utcNow } from '#runtime/postgres/public-tables.ts'
import { linkMissing } from './source-links.ts'

const companyRow = z.object({ id: z.number(), name: z.string() })
export type Company = z.output<typeof companyRow>

/** The oldest company of this name, ignoring case and surrounding blanks. */
export function findCompanyByName(tx: Transaction, name: string): Promise<Company | null> {
  return tx.maybeOne(sql.type(companyRow)`
    SELECT id, name FROM public.company WHERE lower(btrim(name)) = lower(btrim(${name})) ORDER BY id LIMIT 1`)
}

export type Origin = {
  description?: string | null
  /** public.user.id */
  addedBy?: number | null
}

/**
 * Adds a company for each of `names` that has none yet, ignoring case and surrounding blanks, and links it with every
 * source. Returns the added ones. Locks the table, so that concurrent calls add a company once.
 */
export async function addMissingCompanies(
  tx: Transaction,
  names: readonly string[],
  { description = null, addedBy = null }: Origin = {},
): Promise<readonly Company[]> {
  await lockTable(tx, 'company')
  const added = await tx.any(sql.type(companyRow)`
    INSERT INTO public.company (name, description, added_by, created_at, modified_at)
    SELECT name, ${description}::text, (SELECT id FROM public."user" WHERE id = ${addedBy}::int), ${utcNow}, ${utcNow}
    FROM (
      SELECT DISTINCT ON (lower(name)) name, place
      FROM unnest(${column(names, 'text', (name) => name.trim())}) WITH ORDINALITY AS wanted(name, place)
      ORDER BY lower(name), place
    ) AS wanted
    WHERE NOT EXISTS (SELECT FROM public.company c WHERE lower(btrim(c.name)) = lower(wanted.name))
    ORDER BY place
    RETURNING id, name`)
  if (added.length > 0) await linkMissing(tx, { companyIds: added.map(({ id }) => id) })
  return added
}
