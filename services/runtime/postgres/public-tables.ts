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

/** After rows of a table got ids from elsewhere: its counter goes on after the highest of them. It never goes back. */
export async function advanceCounter(
  tx: Transaction,
  table: 'source_measurement' | 'company_source_measurement',
  column: string,
): Promise<void> {
  const counter = sql.fragment`pg_get_serial_sequence(${`public.${table}`}, ${column})`
  await tx.query(sql.unsafe`
    SELECT setval(${counter}, greatest(
      (SELECT max(${sql.identifier([column])}) FROM ${sql.identifier(['public', table])}), nextval(${counter})))`)
}
