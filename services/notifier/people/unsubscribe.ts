import { sql, type Transaction } from '#runtime/postgres/database.ts'
import type { MailReference } from '#runtime/web/signed-links.ts'
import { isUuid } from '#schemas/field-checks.ts'

/** Reads `<notification id>/<delivery id>`; null if the text is something else. */
export function readMailReference(text: string): MailReference | null {
  const [notificationId = '', deliveryId = '', ...more] = text.split('/')
  const isReference = isUuid(notificationId) && /^\d{1,16}$/.test(deliveryId) && more.length === 0
  return isReference ? { notificationId, deliveryId } : null
}

/** Unsubscribes the addresses that got these mails. Unknown mails are ignored. */
export async function unsubscribe(tx: Transaction, mails: readonly MailReference[]): Promise<void> {
  await tx.query(sql.unsafe`
    UPDATE notifier.destination SET unsubscribed_at = now()
    WHERE unsubscribed_at IS NULL AND channel = 'EMAIL' AND destination_id IN (
      SELECT d.destination_id FROM notifier.delivery d
      JOIN ${sql.unnest(
        mails.map(({ notificationId, deliveryId }) => [notificationId, deliveryId]),
        ['uuid', 'int8'],
      )} AS m (notification_id, delivery_id) USING (notification_id, delivery_id))`)
}

/** Undoes `unsubscribe`. Returns how many of the destinations had been unsubscribed. */
export async function resubscribe(
  database: Pick<Transaction, 'query'>,
  destinationIds: readonly number[],
): Promise<number> {
  const { rowCount } = await database.query(sql.unsafe`
    UPDATE notifier.destination SET unsubscribed_at = NULL
    WHERE destination_id = ANY(${sql.array(destinationIds, 'int4')}) AND unsubscribed_at IS NOT NULL`)
  return rowCount
}
