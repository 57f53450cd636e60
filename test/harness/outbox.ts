import type { OpsEvent } from '#schemas/generated/types.ts'
import type { TestDatabase } from './database.ts'

/** The operational events that a service has written to its outbox, in order, published or not. */
export async function readOutbox(database: TestDatabase, service: string): Promise<OpsEvent[]> {
  const rows = await database.query<{ event: OpsEvent }>(`SELECT event FROM ${service}.outbox ORDER BY outbox_no`)
  return rows.map(({ event }) => event)
}
