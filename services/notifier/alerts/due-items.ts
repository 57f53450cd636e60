import { z } from 'zod'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { channelKinds } from '../channels/kinds.ts'
import { operations } from '../plan/bundles.ts'
import type { DueItem } from '../plan/group-messages.ts'

const dueRow = z.object({
  item_id: z.string(),
  destination_id: z.number(),
  company_id: z.number(),
  is_held: z.boolean(),
  people: z.array(z.object({ id: z.number(), name: z.string(), through: z.array(z.string()).default([]) })),
  follows: z.number().nullable(),
  channel: z.string(),
})

/**
 * Takes everything that is due at up to `limit` destinations. Their bundles are empty after this. The end of an incident
 * follows the message that told of it there.
 */
export async function takeDue(tx: Transaction, now: number, limit: number): Promise<DueItem[]> {
  const time = sql.fragment`to_timestamp(${now} / 1000.0)`
  const rows = await tx.any(sql.type(dueRow)`
    WITH destination_due AS (
      SELECT destination_id FROM notifier.bundle WHERE due_at <= ${time}
      GROUP BY destination_id ORDER BY min(due_at), destination_id LIMIT ${limit}
    ), due AS (
      SELECT destination_id, company_id, is_held FROM notifier.bundle JOIN destination_due USING (destination_id) WHERE due_at <= ${time}
    ), taken AS (
      UPDATE notifier.bundle b SET due_at = NULL, is_held = false, told_at = ${time}
      FROM due WHERE b.destination_id = due.destination_id AND b.company_id = due.company_id
    )
    SELECT i.item_id, due.destination_id, due.company_id, is_held, i.people, t.channel, f.delivery_id AS follows
    FROM due
    JOIN notifier.item_delivery i ON i.destination_id = due.destination_id AND i.company_id = due.company_id
    JOIN notifier.destination t ON t.destination_id = due.destination_id
    LEFT JOIN notifier.ops_event e ON due.company_id = ${operations} AND e.event_id = i.item_id
    LEFT JOIN notifier.item_delivery told ON told.item_id = e.ends AND told.destination_id = due.destination_id
    LEFT JOIN notifier.delivery f ON f.notification_id = told.notification_id AND f.destination_id = due.destination_id
    WHERE i.notification_id IS NULL AND i.kept_back IS NULL
    ORDER BY due.destination_id, due.company_id, i.item_id`)
  return rows.map(({ channel, ...row }) => ({
    ...row,
    isEdit: row.follows !== null && channelKinds[channel]?.canEdit === true,
  }))
}

type Attached = { notificationId: string; itemIds: readonly string[]; to: readonly { destinationId: number }[] }

/** Notes which message tells what at which destination. */
export async function attachToMessages(tx: Transaction, messages: readonly Attached[]): Promise<void> {
  const rows = messages.flatMap(({ notificationId, itemIds, to }) =>
    to.flatMap(({ destinationId }) => itemIds.map((itemId) => [notificationId, itemId, destinationId])),
  )
  await tx.query(sql.unsafe`
    UPDATE notifier.item_delivery i SET notification_id = d.notification_id
    FROM ${sql.unnest(rows, ['uuid', 'uuid', 'int4'])} AS d (notification_id, item_id, destination_id)
    WHERE i.item_id = d.item_id AND i.destination_id = d.destination_id`)
}
