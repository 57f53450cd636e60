import { hourMs } from '../text/time.ts'
import type { LedgerSettings } from '../process/settings.ts'
import { startLoop } from '../process/loop.ts'
import { type Database, sql } from './database.ts'
import type { ServiceContext } from '../process/service.ts'

/** Rows deleted in one transaction: it stays short, and what it deletes is locked only briefly. */
export const pruneBatch = 5000

/** A table of which old rows are deleted, and the column that says how old they are. `days`: LEDGER_DAYS unless given. */
type Ledger = { table: string; column: string; days?: number }

/** Of services that make changes: outcomes, which are a ledger, too. */
export const outcomes: Ledger = { table: 'change', column: 'at' }

/**
 * Deletes what `<schema>.processed_event`, and each of `others`, has held for too long, at the start and then every hour, a
 * batch at a time: nothing that a batch waits for is held for long. Any number of replicas may do it at once.
 */
export function startPruning(
  settings: LedgerSettings,
  context: ServiceContext,
  database: Database,
  others: readonly Ledger[] = [],
): void {
  const wake = startLoop('prune_ledger', hourMs, context, async () => {
    for (const ledger of [{ table: 'processed_event', column: 'processed_at' }, ...others]) {
      const pruned = await pruneLedger(settings, database, context.name, ledger)
      if (pruned > 0) context.log.info({ pruned }, 'ledger_pruned')
      if (pruned === pruneBatch) wake()
    }
  })
}

async function pruneLedger(
  settings: LedgerSettings,
  database: Database,
  schema: string,
  ledger: Ledger,
): Promise<number> {
  const [table, column] = [sql.identifier([schema, ledger.table]), sql.identifier([ledger.column])]
  const days = ledger.days ?? settings.LEDGER_DAYS
  const { rowCount } = await database.query(sql.unsafe`
    DELETE FROM ${table} WHERE ctid = ANY(ARRAY(
      SELECT ctid FROM ${table} WHERE ${column} < now() - ${days} * interval '1 day'
      ORDER BY ${column} LIMIT ${pruneBatch} FOR UPDATE SKIP LOCKED))`)
  return rowCount
}
