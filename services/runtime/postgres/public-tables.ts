import { sql, type Transaction } from './database.ts'
import { lock } from './lock.ts'

/** Now, as parma-web's tables want it: timestamp(3) without zone, UTC. */
export const utcNow = sql.fragment`(now() AT TIME ZONE 'UTC')`

/** Nobody else makes rows of this table while the transaction lasts: almost nothing is unique in parma-web's tables. */
export async function lockTable(
  tx: Transaction,
  table: 'company' | 'data_source' | 'user' | 'notification_channel',
): Promise<void> {
  await lock(tx, `public.${table}`)
}
