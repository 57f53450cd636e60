import { sql, type Transaction } from '#runtime/postgres/database.ts'

/** An e-mail that was sent, as the link to end them names it. */
export type MailReference = { notificationId: string; deliveryId: string }

/** Reads `<notification id>/<delivery id>`; null: it is none. */
export function readMailReference(text: string): MailReference | null {
  const [, notificationId, deliveryId] = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\/(\d{1,16})$/.exec(text) ?? []
  return notificationId !== undefined && deliveryId !== undefined ? { notificationId, deliveryId } : null
}

/** From now on the addresses that got these mails get none. Those that nobody knows are passed over. */
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

/** Undoes it. Returns how many had unsubscribed. */
export async function resubscribe(
  database: Pick<Transaction, 'query'>,
  destinationIds: readonly number[],
): Promise<number> {
  const { rowCount } = await database.query(sql.unsafe`
    UPDATE notifier.destination SET unsubscribed_at = NULL
    WHERE destination_id = ANY(${sql.array(destinationIds, 'int4')}) AND unsubscribed_at IS NOT NULL`)
  return rowCount
}
