import { randomUUID } from 'node:crypto'
import type { TestDatabase } from '../database.ts'

type Made = {
  state?: string
  subject?: string
  address: string
  reason?: string | undefined
  title?: string | undefined
  /** Who gets it. */
  person: { id: number; name: string }
}

/** A message in the log, as the notifier would have written it. */
export async function addDelivery(
  database: TestDatabase,
  { state = 'failed', subject = 'Acme rose', address, reason, title, person }: Made,
): Promise<{ id: number; destination: number; notification: string }> {
  const message = {
    ...{ subject, context: 'npm', lines: [{ mark: '', title: title ?? subject, details: [] }], rest: '', trace: '' },
    topic: { kind: 'company', name: 'Acme' },
  }
  const [row] = await database.query<{ id: number; destination: number; notification: string }>(
    `WITH n AS (
       INSERT INTO notifier.notification (notification_id, kind, company_id, message) VALUES ($1, 'news', 1, $2)
       RETURNING notification_id
     ), t AS (
       INSERT INTO notifier.destination (channel, address) VALUES ('EMAIL', $3)
       ON CONFLICT (channel, address, secret_id) DO UPDATE SET address = excluded.address RETURNING destination_id
     )
     INSERT INTO notifier.delivery (notification_id, destination_id, people, state, reason)
     SELECT notification_id, destination_id, $4, $5, $6 FROM n, t
     RETURNING delivery_id::int AS id, destination_id AS destination, notification_id AS notification`,
    [randomUUID(), message, address, JSON.stringify([{ ...person, through: ['Acme'] }]), state, reason],
  )
  return row!
}
