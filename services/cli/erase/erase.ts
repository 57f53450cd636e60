import type { Firestore } from '@google-cloud/firestore'
import { markOf } from '#runtime/erase/recognise.ts'
import type { Database, Transaction } from '#runtime/postgres/database.ts'
import { storedTables } from '#schemas/stored-tables.ts'
import { eraseCompanyDocuments, eraseTextDocuments, eraseTextReports } from './documents.ts'
import type { Target } from './list.ts'
import { eraseCompanyRows, type Found, nameOfCompany } from './rows.ts'
import { eraseTextRows } from './texts.ts'

class DryRun extends Error {}

/** Shorter names stand in too many words to be taken out of texts. */
const shortestName = 4

/**
 * Erases something in Postgres, in one transaction, and in Firestore, and says what was where. `text`: where it is known.
 * With `dryRun` it does all in Postgres and undoes it, and only counts in Firestore. `also` is done in the transaction.
 */
export async function erase(
  { database, firestore }: { database: Database; firestore: Firestore | null },
  target: Target,
  { text = null, dryRun }: { text?: string | null; dryRun: boolean },
  also: (tx: Transaction, found: readonly Found[]) => Promise<void>,
): Promise<Found[]> {
  let found: Found[] = []
  let name: string | null = null
  await database
    .transaction(async (tx) => {
      if ('mark' in target) found = await eraseTextRows(tx, target.mark, text)
      else {
        name = await nameOfCompany(tx, target.company)
        found = await eraseCompanyRows(tx, target.company)
        if (isLong(name)) found.push(...(await eraseTextRows(tx, markOf(name), name, mayName)))
      }
      if (dryRun) throw new DryRun()
      await also(tx, found)
    })
    .catch((error: unknown) => {
      if (!(error instanceof DryRun)) throw error
    })
  if (firestore === null) return found
  if ('mark' in target) return [...found, ...(await eraseTextDocuments(firestore, target.mark, dryRun))]
  return [
    ...found,
    ...(await eraseCompanyDocuments(firestore, target.company, dryRun)),
    ...(isLong(name) ? await eraseTextReports(firestore, markOf(name), dryRun) : []),
  ]
}

function isLong(name: string | null): name is string {
  return name !== null && name.length >= shortestName
}

function mayName(table: string): boolean {
  return storedTables.some(({ name, names }) => name === table && names === true)
}
