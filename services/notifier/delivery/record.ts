import { z } from 'zod'
import { type Database, sql, type Transaction } from '#runtime/postgres/database.ts'
import { utcNow } from '#runtime/postgres/public-tables.ts'
import type { Answer } from '../channels/answer.ts'
import type { ClaimedDelivery } from './claim.ts'
import type { NextStep } from './decide-next.ts'
import { park, unpark } from './park.ts'

/** A claimed delivery, its answer, and what follows. */
export type Answered = { claimed: ClaimedDelivery; answer: Answer; next: NextStep; tookMs: number }

const settledRow = z.object({
  delivery_id: z.number(),
  notification_id: z.string(),
  failures: z.number(),
  is_parked: z.boolean(),
})

const answerColumns = [
  'int8',
  'int4',
  'text',
  'text',
  'float8',
  'float8',
  'text',
  'text',
  'text',
  'int4',
  'bool',
] as const

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
      answer.kind === 'retry' && answer.isAlone === true,
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
          AS a (delivery_id, claim, action, state, due_in_ms, hold_ms, reason, reference, outcome, took_ms, is_alone)
      ), settled AS (
        UPDATE notifier.delivery d
        SET state = a.state, due_at = now() + a.due_in_ms * interval '1 ms', reason = a.reason, reference = a.reference,
          follows = CASE WHEN NOT a.is_alone THEN d.follows END,
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
