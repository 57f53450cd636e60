import { hourMs } from '../text/time.ts'
import type { LedgerSettings } from '../process/settings.ts'
import { startLoop } from '../process/loop.ts'
import { type Database, sql } from './database.ts'
import type { ServiceContext } from '../process/service.ts'

/** Rows deleted in one transaction: it stays short, and what it deletes is locked only briefly. */
export const pruneBatch = 5000

/**
 * Deletes what `<schema>.processed_event` has held for longer than LEDGER_DAYS, at the start and then every hour, a
 * batch at a time: nothing that a batch waits for is held for long. Any number of replicas may do it at once.
 */
export function startPruning(settings: LedgerSettings, context: ServiceContext, database: Database): void {
  const wake = startLoop('prune_ledger', hourMs, context, async () => {
    const pruned = await pruneLedger(database, context.name, settings)
    if (pruned > 0) context.log.info({ pruned }, 'ledger_pruned')
    if (pruned === pruneBatch) wake()
  })
}

async function pruneLedger(database: Database, schema: string, settings: LedgerSettings): Promise<number> {
  const table = sql.identifier([schema, 'processed_event'])
  const { rowCount } = await database.query(sql.unsafe`
    DELETE FROM ${table} WHERE ctid = ANY(ARRAY(
      SELECT ctid FROM ${table} WHERE processed_at < now() - ${settings.LEDGER_DAYS} * interval '1 day'
      ORDER BY processed_at LIMIT ${pruneBatch} FOR UPDATE SKIP LOCKED))`)
  return rowCount
}
