import { z } from 'zod'
import { RefusedError } from '#runtime/changes/apply-changes.ts'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { ensureDestinations } from '../delivery/enqueue.ts'
import type { Message } from '../message/message.ts'
import type { Destination } from '../people/destinations.ts'

const idRow = z.object({ id: z.number() })
const closedRow = z.object({ is_unsubscribed: z.boolean() })

type Urgent = {
  notificationId: string
  kind: 'test' | 'sign_in'
  /** Who gets it, for the delivery log; null: whoever is there. */
  person: number | null
  message: Message
}

/**
 * Writes a message that is sent at once, even to a parked destination. One that was recalled after a restore is there and is
 * not sent again. Throws a RefusedError where nobody wants any.
 */
export async function enqueueNow(
  tx: Transaction,
  destination: Destination,
  { notificationId, kind, person, message }: Urgent,
): Promise<void> {
  if (await tx.exists(sql.unsafe`SELECT FROM notifier.notification WHERE notification_id = ${notificationId}::uuid`))
    return
  const id = (await ensureDestinations(tx, [destination]))(destination)
  const closed = await tx.one(sql.type(closedRow)`
    SELECT unsubscribed_at IS NOT NULL AS is_unsubscribed FROM notifier.destination WHERE destination_id = ${id}`)
  if (closed.is_unsubscribed) throw new RefusedError('Nothing is sent there: its recipients have unsubscribed.')
  await tx.one(sql.type(idRow)`
    WITH message AS (
      INSERT INTO notifier.notification (notification_id, kind, message)
      VALUES (${notificationId}, ${kind}, ${JSON.stringify(message)}::jsonb) RETURNING notification_id
    )
    INSERT INTO notifier.delivery (notification_id, destination_id, people, state, due_at)
    SELECT notification_id, ${id}, coalesce(
      (SELECT jsonb_build_array(jsonb_build_object('id', id, 'name', name)) FROM public."user" WHERE id = ${person}), '[]'),
      'pending', '-infinity' FROM message
    RETURNING delivery_id AS id`)
}

/** The text of a test message. */
export function composeTest(name: string): Message {
  return {
    subject: 'Test message from parma-analytics',
    context: 'parma-analytics',
    lines: [
      {
        mark: '',
        title: `Messages to ${name} arrive`,
        details: ['Someone is testing this channel. There is nothing to do.'],
      },
    ],
    rest: '',
    topic: { kind: 'test', name },
    trace: '',
  }
}
