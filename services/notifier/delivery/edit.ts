import { z } from 'zod'
import { retryTransient } from '#runtime/calls/retry.ts'
import { type Database, sql } from '#runtime/postgres/database.ts'
import type { ServiceContext } from '#runtime/process/service.ts'
import type { Answer } from '../channels/answer.ts'
import type { Channel, Delivery } from '../channels/channel.ts'
import { composeOps } from '../message/compose.ts'
import type { ClaimedDelivery } from './claim.ts'

/**
 * Edits the message that told of the incidents that `claimed` says are over, where the channel can edit. It shows all of
 * them as they are now, so that edits that come late or twice change nothing. Null: `claimed` is to be sent.
 */
export async function editEarlier(
  { MAX_LINES }: { MAX_LINES: number },
  { stopping }: Pick<ServiceContext, 'stopping'>,
  database: Database,
  channel: Channel,
  { kind, follows }: ClaimedDelivery,
  delivery: Delivery,
): Promise<Answer | null> {
  if (kind !== 'ops' || follows === null || channel.edit === undefined) return null
  if (follows.state !== 'sent')
    return follows.is_due ? { kind: 'retry', reason: 'the message that it edits is not sent yet' } : null
  if (delivery.follows === null) return null
  const { notification_id } = follows
  const events = await retryTransient(() => readIncidents(database, notification_id), { signal: stopping })
  return channel.edit({ ...delivery, follows: delivery.follows, message: composeOps(events, MAX_LINES) })
}

const incidentRow = z.object({
  kind: z.string(),
  service: z.string(),
  subject: z.string(),
  message: z.string(),
  resolved: z.boolean(),
  at: z.number(),
  end_message: z.string().nullable(),
  end_at: z.number().nullable(),
})

/** The operational events that a message told, with the ends of their incidents. */
async function readIncidents(database: Database, notificationId: string) {
  const rows = await database.any(sql.type(incidentRow)`
    SELECT e.kind, e.service, e.subject, e.message, e.resolved, e.at, r.message AS end_message, r.at AS end_at
    FROM (
      SELECT DISTINCT item_id FROM notifier.item_delivery WHERE notification_id = ${notificationId}::uuid AND company_id = 0
    ) i
    JOIN notifier.ops_event e ON e.event_id = i.item_id
    LEFT JOIN notifier.ops_event r ON r.ends = e.event_id
    ORDER BY e.event_id`)
  return rows.map(({ end_message, end_at, ...event }) =>
    end_message === null || end_at === null ? event : { ...event, end: { message: end_message, at: end_at } },
  )
}
