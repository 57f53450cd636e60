import type { Firestore } from '@google-cloud/firestore'
import { z } from 'zod'
import { isoTime } from '#runtime/commands/command-database.ts'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { type RetentionClass, retentionClasses } from '#schemas/retention-classes.ts'
import { type StoredTable, storedTables } from '#schemas/stored-tables.ts'
import { countOldDocuments } from './old-documents.ts'
import { findOldMonths, type OldMonth } from './old-months.ts'
import { countOld, hasAge } from './old-rows.ts'
import type { RetentionConfig } from './settings.ts'

/** A class that has a number of days, and what of it is older. */
export type Due = {
  class: string
  days: number
  cutoff: string
  /** By table, or `raw documents`. */
  old: Record<string, number>
  /** Of the class `values`. */
  months: OldMonth[]
}

/** The days of a class; null: for ever. */
export function daysOf({ setting }: RetentionClass, config: RetentionConfig): number | null {
  const days = setting === null ? undefined : (config as Record<string, unknown>)[setting]
  return typeof days === 'number' ? days : null
}

export const tablesOf = (name: string): readonly StoredTable[] => storedTables.filter((table) => table.class === name)

/** What `npx parma retention run` would delete now. */
export async function findDue(
  database: Database,
  openFirestore: () => Firestore,
  config: RetentionConfig,
  only: readonly string[],
): Promise<Due[]> {
  const due: Due[] = []
  for (const one of retentionClasses) {
    const days = daysOf(one, config)
    if (one.prunedBy !== 'command' || days === null || (only.length > 0 && !only.includes(one.name))) continue
    const cutoff = await timeBefore(database, days)
    const old: Record<string, number> = {}
    for (const table of tablesOf(one.name).filter(hasAge)) {
      const rows = await countOld(database, table, cutoff)
      if (rows > 0) old[table.name] = rows
    }
    const isDocuments = one.name === 'raw-documents'
    const documents = isDocuments ? await countOldDocuments(openFirestore(), new Date(cutoff)) : 0
    if (documents > 0) old['raw documents'] = documents
    const months = one.name === 'values' ? await findOldMonths(database, cutoff) : []
    due.push({ class: one.name, days, cutoff, old, months })
  }
  return due
}

const timeRow = z.object({ at: z.string() })

/** By the clock of Postgres, which wrote the times that it is compared with. */
function timeBefore(database: Database, days: number): Promise<string> {
  return database.oneFirst(
    sql.type(timeRow)`SELECT ${isoTime(sql.fragment`(now() - ${days} * interval '1 day')`)} AS at`,
  )
}
