import { z } from 'zod'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import type { MessageKind } from '../channels/channel.ts'
import type { Message } from '../message/message.ts'
import type { Tells } from '../told/note.ts'
import { type Destination, destinationKey, groupByDestination, type Recipient } from '../people/destinations.ts'
import type { RecipientChannel } from '../people/recipients.ts'

/** A message before it is sent, once for all its destinations. */
type OutgoingMessage = {
  notificationId: string
  kind: MessageKind
  /** Both null: it gets no row in public.notification. */
  companyId: number | null
  dataSourceId: number | null
  message: Message
  /** The series that its first news item is about. */
  seriesId?: string | null
  cause?: Cause | null
  /** Null: no news item and no event. */
  tells?: Tells | null
}
/** The payloads that a message is about: when the first was received (null: not known, or it waited), and their traces. */
export type Cause = { receivedAt: number | null; traceparents: readonly string[] }
/** A message for recipients at these channels. */
export type MessageToRecipients = OutgoingMessage & { channels: readonly RecipientChannel[] }
/** A message for destinations that are known. */
type MessageToDestinations = OutgoingMessage & {
  to: readonly { destinationId: number; recipients: readonly Recipient[]; follows?: number | null }[]
}

/**
 * Writes messages and a delivery for each distinct destination of their channels: `pending`, or `failed` if it is
 * unusable.
 */
export async function enqueueForRecipients(tx: Transaction, messages: readonly MessageToRecipients[]): Promise<void> {
  const destinations = messages.map(({ channels }) => groupByDestination(channels))
  const idOf = await ensureDestinations(tx, destinations.flat())
  await enqueueForDestinations(
    tx,
    messages.map(({ channels: _, ...message }, index) => ({
      ...message,
      to: (destinations[index] ?? []).map((one) => ({ destinationId: idOf(one), recipients: one.recipients })),
    })),
  )
}

const destinationRow = z.object({
  destination_id: z.number(),
  channel: z.string(),
  address: z.string(),
  secret_id: z.string(),
})

/** Adds the destinations that have no row yet. Returns the function that gives a destination's id. */
export async function ensureDestinations(
  tx: Transaction,
  destinations: readonly Destination[],
): Promise<(destination: Destination) => number> {
  // Sorted, so that two transactions that write the same destinations do not deadlock.
  const distinct = [...new Map(destinations.map((destination) => [destinationKey(destination), destination]))]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, { channel, address, secretId, problem }]) => [channel, address, secretId, problem])
  const rows = await tx.any(sql.type(destinationRow)`
    WITH wanted AS (
      SELECT * FROM ${sql.unnest(distinct, ['text', 'text', 'text', 'text'])} AS d (channel, address, secret_id, problem)
    ), made AS (
      INSERT INTO notifier.destination (channel, address, secret_id, problem)
      SELECT channel, address, secret_id, problem FROM wanted WHERE NOT EXISTS (
        SELECT FROM notifier.destination t
        WHERE (t.channel, t.address, t.secret_id) = (wanted.channel, wanted.address, wanted.secret_id))
      ON CONFLICT (channel, address, secret_id) DO UPDATE SET problem = excluded.problem
      RETURNING destination_id, channel, address, secret_id
    )
    SELECT * FROM made
    UNION ALL
    SELECT destination_id, channel, address, secret_id FROM wanted JOIN notifier.destination t USING (channel, address, secret_id)`)
  const ids = new Map(
    rows.map(({ destination_id, channel, address, secret_id }) => [
      destinationKey({ channel, address, secretId: secret_id }),
      destination_id,
    ]),
  )
  return (destination) => ids.get(destinationKey(destination)) as number
}

/**
 * Writes messages and their deliveries, unless they exist: `pending`, or `failed` if a destination is unusable. Those that
 * exist were recalled after a restore.
 */
export async function enqueueForDestinations(
  tx: Transaction,
  messages: readonly MessageToDestinations[],
): Promise<void> {
  const notifications = messages.map(
    ({ notificationId, kind, companyId, dataSourceId, message, seriesId = null, cause = null, tells = null }) => [
      ...[notificationId, kind, companyId, dataSourceId, JSON.stringify(message), seriesId],
      ...[cause?.receivedAt ?? null, cause && cause.traceparents.length > 0 ? cause.traceparents.join(' ') : null],
      tells && JSON.stringify(tells),
    ],
  )
  await tx.query(sql.unsafe`
    INSERT INTO notifier.notification
      (notification_id, kind, company_id, data_source_id, message, series_id, payload_received_at, traceparents, tells)
    SELECT id, kind, company, source, message, series, to_timestamp(received_at / 1000.0), string_to_array(traces, ' '), tells
    FROM ${sql.unnest(notifications, ['uuid', 'text', 'int4', 'int4', 'jsonb', 'uuid', 'float8', 'text', 'jsonb'])}
      AS d (id, kind, company, source, message, series, received_at, traces, tells)
    ON CONFLICT (notification_id) DO NOTHING`)
  const deliveries = messages.flatMap(({ notificationId, to }) =>
    to.map(({ destinationId, recipients, follows = null }) => [
      notificationId,
      destinationId,
      JSON.stringify(recipients),
      follows,
    ]),
  )
  await tx.query(sql.unsafe`
    INSERT INTO notifier.delivery (notification_id, destination_id, people, follows, state, reason, due_at, settled_at)
    SELECT d.notification_id, destination_id, d.people, d.follows,
      CASE WHEN problem IS NULL THEN 'pending' ELSE 'failed' END, problem,
      CASE WHEN problem IS NULL THEN now() END, CASE WHEN problem IS NOT NULL THEN now() END
    FROM ${sql.unnest(deliveries, ['uuid', 'int4', 'jsonb', 'int8'])} WITH ORDINALITY
      AS d (notification_id, destination_id, people, follows, place)
    JOIN notifier.destination USING (destination_id)
    -- Of what is due at the same time, the lowest number is sent first: parts of a digest come in their order.
    ORDER BY d.place
    ON CONFLICT (notification_id, destination_id) DO NOTHING`)
}
