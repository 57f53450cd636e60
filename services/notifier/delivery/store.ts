import { z } from 'zod'
import { type Database, sql, type Transaction } from '#runtime/postgres/database.ts'
import { utcNow } from '#runtime/postgres/public-tables.ts'
import type { Answer } from '../channels/answer.ts'
import { messageKinds } from '../channels/channel.ts'
import type { Message } from '../message/message.ts'
import type { NextStep } from './decide-next.ts'
import { park, unpark } from './park.ts'

const claimedRow = z.object({
  delivery_id: z.number(),
  notification_id: z.string(),
  kind: z.enum(messageKinds),
  destination_id: z.number(),
  claim: z.number(),
  action: z.enum(['send', 'find']),
  people: z.array(z.object({ id: z.number(), name: z.string(), through: z.array(z.string()).optional() })),
  address: z.string(),
  secret_id: z.string(),
  // Only enqueue.ts writes it.
  message: z.custom<Message>(),
  created_at: z.number(),
  age_ms: z.number(),
})

/** A delivery that only this process works on until its lease ends. */
export type ClaimedDelivery = z.output<typeof claimedRow>

const inMs = (ms: number | null) =>
  ms === null ? sql.fragment`NULL::timestamptz` : sql.fragment`now() + ${ms} * interval '1 ms'`

/**
 * Claims up to `limit` due deliveries of a kind of channel for `holder`, one per destination. When this returns, those
 * to send are committed as `sending`. Safe with any number of processes; all times are the database's. A parked
 * destination gives only a test, which is due since '-infinity'.
 */
export async function claimDeliveries(
  database: Database,
  { channel, holder, limit, leaseMs }: { channel: string; holder: string; limit: number; leaseMs: number },
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
    SELECT d.delivery_id, d.notification_id, d.destination_id, n.kind, d.claim, d.people, t.address, t.secret_id, n.message, d.created_at,
      CASE d.state WHEN 'sending' THEN 'send' ELSE 'find' END AS action,
      (extract(epoch FROM now() - d.created_at) * 1000)::float8 AS age_ms
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

/** A claimed delivery, its answer, and what follows. */
export type Answered = { claimed: ClaimedDelivery; answer: Answer; next: NextStep; tookMs: number }

const settledRow = z.object({
  delivery_id: z.number(),
  notification_id: z.string(),
  failures: z.number(),
  is_parked: z.boolean(),
})

const answerColumns = ['int8', 'int4', 'text', 'text', 'float8', 'float8', 'text', 'text', 'text', 'int4'] as const

/**
 * Records attempts and what follows, and frees the destinations. Returns false for each delivery that another process
 * has claimed since: of those only the attempt is recorded. With `writePublic`, the first sent delivery of a message
 * about a company adds a row to public.notification. A destination is parked when the next step says so or when
 * `parkAfterFailures` messages in a row have failed. It is unparked when a message arrives.
 */
export async function recordAnswers(
  database: Database,
  answered: readonly Answered[],
  policy: { writePublic: boolean; parkAfterFailures: number },
): Promise<boolean[]> {
  const ofDestination = new Map(answered.toReversed().map((one) => [one.claimed.destination_id, one]))
  const first = new Set(ofDestination.values())
  // Two deliveries to one destination, after a claim has lapsed, are recorded one after the other.
  const later = answered.filter((one) => !first.has(one))
  const settled = await recordOnce(database, [...first], policy)
  const settledLater = later.length > 0 ? await recordAnswers(database, later, policy) : []
  return answered.map((one) =>
    first.has(one) ? settled.has(one.claimed.delivery_id) : settledLater[later.indexOf(one)] === true,
  )
}

/** For at most one answer per destination. Returns the ids of the deliveries that were still ours. */
async function recordOnce(
  database: Database,
  answered: readonly Answered[],
  { writePublic, parkAfterFailures }: { writePublic: boolean; parkAfterFailures: number },
): Promise<Set<number>> {
  const rows = answered.map(({ claimed, answer, next, tookMs }) => {
    const { state, dueInMs, holdMs, reason, reference } = next
    return [
      claimed.delivery_id,
      claimed.claim,
      claimed.action,
      state,
      dueInMs,
      holdMs,
      reason,
      reference,
      answer.kind,
      tookMs,
    ]
  })
  const destinationIds = answered.map(({ claimed }) => claimed.destination_id)
  const byId = new Map(answered.map((one) => [one.claimed.delivery_id, one]))
  return database.transaction(async (tx) => {
    // Destinations are locked first, as claiming does, so that the two cannot deadlock.
    await tx.query(sql.unsafe`
      SELECT FROM notifier.destination WHERE destination_id = ANY(${sql.array(destinationIds, 'int4')})
      ORDER BY destination_id FOR UPDATE`)
    const settled = await tx.any(sql.type(settledRow)`
      WITH answer AS (
        SELECT * FROM ${sql.unnest(rows, [...answerColumns])}
          AS a (delivery_id, claim, action, state, due_in_ms, hold_ms, reason, reference, outcome, took_ms)
      ), settled AS (
        UPDATE notifier.delivery d
        SET state = a.state, due_at = now() + a.due_in_ms * interval '1 ms', reason = a.reason, reference = a.reference,
          settled_at = CASE WHEN a.due_in_ms IS NULL THEN now() END
        FROM answer a
        WHERE d.delivery_id = a.delivery_id AND d.claim = a.claim AND d.state IN ('sending', 'unknown')
        RETURNING d.delivery_id, d.destination_id, d.notification_id, d.state, a.hold_ms
      ), freed AS (
        UPDATE notifier.destination t
        SET free_at = now() + s.hold_ms * interval '1 ms',
          failures = CASE s.state WHEN 'sent' THEN 0 WHEN 'failed' THEN t.failures + 1 ELSE t.failures END
        FROM settled s WHERE t.destination_id = s.destination_id
        RETURNING t.destination_id, t.failures, t.parked_at IS NOT NULL AS is_parked
      ), logged AS (
        INSERT INTO notifier.attempt (delivery_id, claim, action, outcome, detail, took_ms)
        SELECT delivery_id, claim, action, outcome, coalesce(reason, reference), took_ms FROM answer
      )
      SELECT delivery_id, notification_id, failures, is_parked FROM settled JOIN freed USING (destination_id)`)
    const sent: string[] = []
    const working: number[] = []
    for (const { delivery_id, notification_id, failures, is_parked } of settled) {
      const { claimed, next } = byId.get(delivery_id) as Answered
      const { state, parks, reason } = next
      if (state === 'sent') sent.push(notification_id)
      if (state === 'sent' && is_parked) working.push(claimed.destination_id)
      if (state !== 'sent' && !is_parked && (parks || failures >= parkAfterFailures)) {
        const why = parks ? reason : `${failures} messages in a row failed, the last: ${reason}`
        await park(tx, claimed.destination_id, why ?? '', claimed.people)
      }
    }
    if (sent.length > 0) await markSent(tx, sent, writePublic)
    if (working.length > 0) await unpark(tx, working)
    return new Set(settled.map(({ delivery_id }) => delivery_id))
  })
}

async function markSent(tx: Transaction, notificationIds: readonly string[], writePublic: boolean): Promise<void> {
  // parma-web may delete a company or source at any time: their rows are locked until we commit, or not found.
  await tx.query(sql.unsafe`
    WITH first AS (
      SELECT notification_id FROM notifier.notification
      WHERE notification_id = ANY(${sql.array(notificationIds, 'uuid')}) AND told_at IS NULL
      ORDER BY notification_id FOR UPDATE
    ), sent AS (
      UPDATE notifier.notification n SET told_at = now() FROM first WHERE n.notification_id = first.notification_id
      RETURNING company_id, data_source_id, message
    ), company AS (
      SELECT id FROM public.company WHERE id IN (SELECT company_id FROM sent) ORDER BY id FOR KEY SHARE
    ), source AS (
      SELECT id FROM public.data_source WHERE id IN (SELECT data_source_id FROM sent) ORDER BY id FOR KEY SHARE
    )
    INSERT INTO public.notification (message, company_id, data_source_id, created_at, modified_at)
    SELECT sent.message ->> 'subject', company.id, source.id, ${utcNow}, ${utcNow}
    FROM sent JOIN company ON company.id = sent.company_id JOIN source ON source.id = sent.data_source_id
    WHERE ${writePublic}`)
}
