import { z } from 'zod'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { messageKinds } from '../channels/channel.ts'
import type { Message } from '../message/message.ts'
import type { Tells } from '../told/note.ts'
import type { NextStep } from './decide-next.ts'

const claimedRow = z.object({
  delivery_id: z.number(),
  notification_id: z.string(),
  kind: z.enum(messageKinds),
  destination_id: z.number(),
  company_id: z.number().nullable(),
  data_source_id: z.number().nullable(),
  series_id: z.string().nullable(),
  // Only enqueue.ts writes it.
  tells: z.custom<Tells>().nullable(),
  claim: z.number(),
  action: z.enum(['send', 'find']),
  people: z.array(z.object({ id: z.number(), name: z.string(), through: z.array(z.string()).optional() })),
  address: z.string(),
  secret_id: z.string(),
  // Only enqueue.ts writes it.
  message: z.custom<Message>(),
  created_at: z.number(),
  /** When the payload was received that it is about; null: not known, or the message waited for its readers. */
  payload_received_at: z.number().nullable(),
  traceparents: z.array(z.string()).nullable(),
  age_ms: z.number(),
  follows: z
    .object({
      delivery_id: z.number(),
      notification_id: z.string(),
      reference: z.string().nullable(),
      state: z.string(),
      /** It may still be sent. */
      is_due: z.boolean(),
    })
    .nullable(),
})

/** A delivery that only this process works on until its lease ends. */
export type ClaimedDelivery = z.output<typeof claimedRow>

const inMs = (ms: number | null) =>
  ms === null ? sql.fragment`NULL::timestamptz` : sql.fragment`now() + ${ms} * interval '1 ms'`

/**
 * Claims up to `limit` due deliveries of a kind of channel for `holder`, one per destination. When this returns, those
 * to send are committed as `sending`. Safe with any number of processes; all times are the database's. A parked
 * destination gives only a test, which is due since '-infinity'. Digests of 500 lines are large: `withoutLines` leaves
 * out those of digests that have a view.
 */
export async function claimDeliveries(
  database: Database,
  {
    channel,
    holder,
    limit,
    leaseMs,
    withoutLines = false,
  }: { channel: string; holder: string; limit: number; leaseMs: number; withoutLines?: boolean },
): Promise<readonly ClaimedDelivery[]> {
  return database.any(sql.type(claimedRow)`
    WITH free AS (
      SELECT t.destination_id, d.delivery_id
      FROM notifier.destination t
      CROSS JOIN LATERAL (
        SELECT delivery_id, due_at FROM notifier.delivery
        WHERE destination_id = t.destination_id AND due_at <= now() AND state IN ('pending', 'unknown')
        ORDER BY due_at, delivery_id LIMIT 1
      ) d
      WHERE t.channel = ${channel} AND t.free_at <= now() AND t.unsubscribed_at IS NULL
        AND (t.parked_at IS NULL OR d.due_at = '-infinity')
      ORDER BY t.free_at
      LIMIT ${limit}
      FOR UPDATE OF t SKIP LOCKED
    ), claimed AS (
      -- The conditions again: the row may have changed between the snapshot and the lock.
      UPDATE notifier.delivery d
      SET state = CASE state WHEN 'pending' THEN 'sending' ELSE state END, due_at = ${inMs(leaseMs)}, claim = claim + 1,
        holder = ${holder}::uuid
      FROM free
      WHERE d.delivery_id = free.delivery_id AND d.due_at <= now() AND d.state IN ('pending', 'unknown')
      RETURNING d.*
    ), held AS (
      UPDATE notifier.destination SET free_at = ${inMs(leaseMs)}
      WHERE destination_id IN (SELECT destination_id FROM claimed)
    )
    SELECT d.delivery_id, d.notification_id, d.destination_id, n.kind, d.claim, d.people, t.address, t.secret_id, d.created_at,
      n.payload_received_at, n.traceparents, n.company_id, n.data_source_id, n.series_id, n.tells,
      CASE WHEN ${withoutLines} AND n.message ? 'digest' THEN jsonb_set(n.message, '{lines}', '[]') ELSE n.message END AS message,
      CASE d.state WHEN 'sending' THEN 'send' ELSE 'find' END AS action,
      (extract(epoch FROM now() - d.created_at) * 1000)::float8 AS age_ms,
      (
        SELECT json_build_object('delivery_id', f.delivery_id, 'notification_id', f.notification_id,
          'reference', f.reference, 'state', f.state, 'is_due', f.due_at IS NOT NULL)
        FROM notifier.delivery f WHERE f.delivery_id = d.follows
      ) AS follows
    FROM claimed d JOIN notifier.destination t USING (destination_id) JOIN notifier.notification n USING (notification_id)`)
}

/**
 * Returns deliveries that `holder` claimed without learning of it, because the database's answer was lost: everything
 * it holds that is not in `underWay`. No call was made for them, so they are due again.
 */
export async function returnUncalled(database: Database, holder: string, underWay: readonly number[]): Promise<void> {
  await database.query(sql.unsafe`
    WITH returned AS (
      UPDATE notifier.delivery SET state = 'pending', due_at = now()
      WHERE state = 'sending' AND holder = ${holder}::uuid AND delivery_id <> ALL(${sql.array(underWay, 'int8')})
      RETURNING destination_id
    )
    UPDATE notifier.destination SET free_at = now() WHERE destination_id IN (SELECT destination_id FROM returned)`)
}

/** Treats deliveries that a dead process left `sending` as ones whose answer was lost. Returns how many there were. */
export async function releaseLapsed(
  database: Database,
  channel: string,
  { state, dueInMs, reason }: NextStep,
): Promise<number> {
  const { rowCount } = await database.query(sql.unsafe`
    WITH lapsed AS (
      UPDATE notifier.delivery SET state = ${state}, due_at = ${inMs(dueInMs)}, reason = ${reason}
      WHERE state = 'sending' AND due_at <= now()
        AND destination_id IN (SELECT destination_id FROM notifier.destination WHERE channel = ${channel})
      RETURNING delivery_id, claim
    )
    INSERT INTO notifier.attempt (delivery_id, claim, action, outcome, detail)
    SELECT delivery_id, claim, 'send', 'lost', ${reason} FROM lapsed`)
  return rowCount
}

/** Fails what waits for unsubscribed destinations, and what has waited longer than `giveUpAfterMs` for parked ones. */
export async function closeUndeliverable(database: Database, channel: string, giveUpAfterMs: number): Promise<void> {
  await database.query(sql.unsafe`
    WITH closed AS (
      SELECT d.delivery_id,
        CASE WHEN t.unsubscribed_at IS NULL THEN concat('not delivered in time: ', t.parked_reason) ELSE 'unsubscribed' END AS why
      FROM notifier.destination t JOIN notifier.delivery d USING (destination_id)
      WHERE t.channel = ${channel} AND (t.parked_at IS NOT NULL OR t.unsubscribed_at IS NOT NULL)
        AND d.due_at IS NOT NULL AND d.state IN ('pending', 'unknown')
        AND (t.unsubscribed_at IS NOT NULL OR d.created_at <= now() - ${giveUpAfterMs} * interval '1 ms')
      FOR UPDATE OF d SKIP LOCKED
    )
    UPDATE notifier.delivery d SET due_at = NULL, settled_at = now(),
      state = CASE d.state WHEN 'pending' THEN 'failed' ELSE d.state END,
      reason = CASE d.state WHEN 'pending' THEN closed.why ELSE d.reason END
    FROM closed WHERE d.delivery_id = closed.delivery_id`)
}
