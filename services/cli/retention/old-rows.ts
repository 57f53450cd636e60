import { z } from 'zod'
import type { Database } from '#runtime/postgres/database.ts'
import { statement } from '#runtime/commands/statement.ts'
import type { StoredTable } from '#schemas/stored-tables.ts'

/** Rows deleted in one transaction: it stays short, and what it deletes is locked only briefly. */
const batch = 20_000

type Aged = StoredTable & { isOld: string }

export const hasAge = (table: StoredTable): table is Aged => table.isOld !== undefined

const countRow = z.object({ rows: z.number() })

/** How many rows of a table are older than the cutoff, a time in ISO 8601. */
export async function countOld(database: Database, { name, isOld }: Aged, cutoff: string): Promise<number> {
  const { rows } = await database.one(
    statement(`SELECT count(*) AS rows FROM ${name} t WHERE ${at(isOld)}`, { cutoff }, countRow),
  )
  return rows
}

/** Deletes them, a batch at a time, and returns how many there were. */
export async function deleteOld(database: Database, { name, isOld }: Aged, cutoff: string): Promise<number> {
  for (let total = 0; ;) {
    const { rowCount } = await database.query(
      statement(
        `DELETE FROM ${name} WHERE ctid = ANY(ARRAY(
          SELECT t.ctid FROM ${name} t WHERE ${at(isOld)} LIMIT ${batch} FOR UPDATE SKIP LOCKED))`,
        { cutoff },
      ),
    )
    total += rowCount
    if (rowCount < batch) return total
  }
}

const at = (condition: string) => condition.replaceAll('{cutoff}', '{cutoff}::timestamptz')
