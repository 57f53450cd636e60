import { sql, type Transaction } from '#runtime/postgres.ts'
import { addressAll } from './address.ts'
import type { Member } from './audience.ts'
import type { NotificationKind } from './channel.ts'
import type { Message } from './compose.ts'

/** What is said to whom. */
export type Draft = {
  notificationId: string
  kind: NotificationKind
  groupId: string | null
  companyId: number | null
  dataSourceId: number | null
  message: Message
  members: readonly Member[]
}

/** Writes notifications and their deliveries: pending, or failed where a destination cannot be used. */
export async function writeDrafts(tx: Transaction, drafts: readonly Draft[]): Promise<void> {
  const notifications = drafts.map(({ notificationId, kind, groupId, companyId, dataSourceId, message }) => {
    return [notificationId, kind, groupId, companyId, dataSourceId, JSON.stringify(message)]
  })
  await tx.query(sql.unsafe`
    INSERT INTO notifier.notification (notification_id, kind, group_id, company_id, data_source_id, message)
    SELECT * FROM ${sql.unnest(notifications, ['uuid', 'text', 'uuid', 'int4', 'int4', 'jsonb'])}`)

  const addressees = drafts.flatMap(({ notificationId, members }) =>
    addressAll(members).map((addressee) => ({ notificationId, ...addressee })),
  )
  const places = addressees.map(({ channel, address, secretId }) => [channel, address, secretId])
  await tx.query(sql.unsafe`
    INSERT INTO notifier.destination (channel, address, secret_id)
    SELECT DISTINCT * FROM ${sql.unnest(places, ['text', 'text', 'text'])} AS d (channel, address, secret_id)
    ORDER BY channel, address, secret_id
    ON CONFLICT DO NOTHING`)

  const deliveries = addressees.map(({ notificationId, channel, address, secretId, people, problem }) => {
    return [notificationId, channel, address, secretId, JSON.stringify(people), problem]
  })
  await tx.query(sql.unsafe`
    INSERT INTO notifier.delivery (notification_id, destination_id, people, state, reason, due_at, settled_at)
    SELECT d.notification_id, t.destination_id, d.people,
      CASE WHEN problem IS NULL THEN 'pending' ELSE 'failed' END, problem,
      CASE WHEN problem IS NULL THEN now() END, CASE WHEN problem IS NOT NULL THEN now() END
    FROM ${sql.unnest(deliveries, ['uuid', 'text', 'text', 'text', 'jsonb', 'text'])}
      AS d (notification_id, channel, address, secret_id, people, problem)
    JOIN notifier.destination t USING (channel, address, secret_id)`)
}
