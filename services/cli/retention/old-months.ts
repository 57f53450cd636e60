import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { auditCommand } from '#runtime/changes/audit-command.ts'
import { hasCode } from '#runtime/calls/retry.ts'
import type { Database } from '#runtime/postgres/database.ts'
import { statement } from '#runtime/commands/statement.ts'
import { leastDays } from '#schemas/retention-classes.ts'
import { type Exported, exportTable } from './export-table.ts'

/** A month of values that may go. `table`: still a part of `normalizer.value`, or taken out by a run that did not end. */
export type OldMonth = { month: string; table: string; isRetired: boolean; rows: number; keptBecause: string | null }

const monthRow = z.object({ table_name: z.string(), is_retired: z.boolean() })
const newestRow = z.object({ rows: z.number(), newest: z.number().nullable() })
const bornRow = z.object({ event_no: z.number() })

/** The months that ended before the cutoff, the oldest first, each with why it stays all the same. */
export async function findOldMonths(database: Database, cutoff: string): Promise<OldMonth[]> {
  const found = await database.any(
    statement(
      `SELECT c.relname AS table_name, i.inhrelid IS NULL AS is_retired
      FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
      WHERE c.relnamespace = 'normalizer'::regnamespace AND c.relkind = 'r' AND (
        c.relname ~ '^retired_[0-9]{4}_[0-9]{2}_[0-9]+$' OR c.relname ~ '^value_[0-9]{4}_[0-9]{2}$' AND i.inhrelid IS NOT NULL
          AND to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month' <= {cutoff}::timestamptz AT TIME ZONE 'UTC')
      ORDER BY substring(c.relname FROM '[0-9]{4}_[0-9]{2}'), c.relname`,
      { cutoff },
      monthRow,
    ),
  )
  if (found.length === 0) return []
  const settled = await newestSettled(database)
  const months: OldMonth[] = []
  for (const { table_name: table, is_retired: isRetired } of found) {
    const { rows, newest } = await database.one(
      statement(
        `SELECT count(*) AS rows, max(greatest(event_no, replay_no, generation_no)) AS newest FROM normalizer.${table}`,
        {},
        newestRow,
      ),
    )
    const isFresh = !isRetired && newest !== null && newest > settled
    const month = /\d{4}_\d\d/.exec(table)![0].replace('_', '-')
    const keptBecause = isFresh
      ? `holds values stored in the last ${leastDays} days, whose records may come again`
      : null
    months.push({ month, table, isRetired, rows, keptBecause })
  }
  return months
}

/** The number of the newest payload that cannot come again: its observation would be built from its values. */
async function newestSettled(database: Database): Promise<number> {
  const row = await database.maybeOne(
    statement(
      `SELECT event_no FROM normalizer.processed_event
      WHERE processed_at < now() - ${leastDays} * interval '1 day' ORDER BY event_no DESC LIMIT 1`,
      {},
      bornRow,
    ),
  )
  return row?.event_no ?? 0
}

/** Takes a month out, exports it, reads the file back, and then deletes it. A run that ends in between is continued. */
export async function retireMonth(database: Database, month: OldMonth, folder: string): Promise<Exported> {
  const retired = month.isRetired ? month.table : await takeOut(database, month)
  const exported = await exportTable(database, `normalizer.${retired}`, folder, `normalizer.value.${nameOf(retired)}`)
  await database.transaction(async (tx) => {
    await tx.query(statement('SELECT normalizer.drop_retired_month({retired})', { retired }))
    const subject = `month:${month.month}`
    await auditCommand(tx, 'cli', {
      kind: 'cli.retention.month',
      subject,
      before: { rows: exported.rows },
      after: exported,
    })
  })
  return exported
}

const nameOf = (retired: string) => retired.replace('retired_', '').replaceAll('_', '-')
const lockNotAvailable = '55P03'
const attempts = 30

/** Writers wait behind us while we wait for the lock: the function gives up after two seconds, and they go on. */
async function takeOut(database: Database, { table, month }: OldMonth): Promise<string> {
  const retired = `retired_${month.replace('-', '_')}_${Date.now()}`
  for (let attempt = 1; ; attempt += 1) {
    try {
      await database.query(statement('SELECT normalizer.retire_month({table}, {retired})', { table, retired }))
      return retired
    } catch (error) {
      if (!hasCode(error, lockNotAvailable) || attempt === attempts) throw error
      await delay(1000)
    }
  }
}
