import { z } from 'zod'
import { statement } from '#runtime/commands/statement.ts'
import type { Transaction } from '#runtime/postgres/database.ts'
import { type StoredTable, storedTables } from '#schemas/stored-tables.ts'

/** What was done with how many rows or documents of a place. */
export type Found = { where: string; rows: number; what: 'deleted' | 'emptied' | 'text taken out' }

/**
 * Deletes what tables say of a company, and empties what must stay, such as rows of audit logs. In an order in which no
 * row refers to one that is gone. Twice does no harm.
 */
export async function eraseCompanyRows(tx: Transaction, company: number): Promise<Found[]> {
  const found: Found[] = []
  const done = (where: string, rows: number, what: Found['what']) => {
    if (rows > 0) found.push({ where, rows, what })
  }
  for (const table of storedTables) {
    if (table.isAbout === undefined) continue
    const { rowCount } = await tx.query(statement(eraseOf(table), { company }))
    done(table.name, rowCount, table.blanks ? 'emptied' : 'deleted')
  }
  // With its links, measurements and all else of parma-web that goes with it.
  const { rowCount } = await tx.query(statement('DELETE FROM public.company WHERE id = {company}', { company }))
  done('public.company', rowCount, 'deleted')
  return found
}

function eraseOf({ name, isAbout, blanks }: StoredTable): string {
  // A name may be that of the column, too: of its type there is no doubt.
  const about = isAbout!.replaceAll('{company}', '{company}::int')
  if (!blanks) return `DELETE FROM ${name} t WHERE ${about}`
  const hasAny = blanks.map((column) => `t.${column} IS NOT NULL AND t.${column}::text <> '{}'`).join(' OR ')
  return `UPDATE ${name} t SET ${blanks.map((column) => `${column} = DEFAULT`).join(', ')} WHERE (${about}) AND (${hasAny})`
}

const nameRow = z.object({ name: z.string() })

/** The name of a company; null: there is none any more. */
export async function nameOfCompany(tx: Pick<Transaction, 'maybeOneFirst'>, company: number): Promise<string | null> {
  return tx.maybeOneFirst(statement('SELECT name FROM public.company WHERE id = {company}', { company }, nameRow))
}
