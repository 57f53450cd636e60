import { v5 as uuidv5 } from 'uuid'
import { z } from 'zod'
import { addToOutbox } from '#runtime/outbox/outbox.ts'
import { type Database, sql, type Transaction } from '#runtime/postgres/database.ts'
import { excerpt } from '#runtime/text/shorten.ts'

// What cannot be planned because of bad rows is postponed for an hour, so that it blocks nothing else. The
// administrators are notified once.

const failed = 'notification-failed'

/** Namespace of the ids of these events. */
const namespace = '5b0e7d0e-4b0b-4f4c-8f0e-2a3b9c4d5e6f'

const later = sql.fragment`now() + interval '1 hour'`
const isNew = sql.fragment`assigned_at IS NULL AND (put_off_until IS NULL OR put_off_until <= now())`
const idRow = z.object({ id: z.string() })

// Each kind has two functions. `findFirst…` returns the id of what the next transaction of size 1 will take.
// `postpone…` postpones it, unless another process has done so.

export type Find = (database: Database) => Promise<string | null>
export type Postpone = (database: Database, id: string, reason: string) => Promise<void>

/** A group, the news items of one payload. */
export const findFirstGroup: Find = (database) =>
  database.maybeOneFirst(sql.type(idRow)`
      SELECT group_id AS id FROM notifier.news_group
      WHERE due_at <= now() ORDER BY due_at, group_id LIMIT 1 FOR UPDATE SKIP LOCKED`)

export const postponeGroup: Postpone = (database, id, reason) =>
  database.transaction(async (tx) => {
    const { rowCount } = await tx.query(sql.unsafe`
        UPDATE notifier.news_group SET due_at = ${later} WHERE group_id = ${id}::uuid AND due_at <= now()`)
    if (rowCount > 0) await reportPostponed(tx, `event ${id}`, reason)
  })

const kindRow = z.object({ kind: z.string() })

/** An operational event. */
export const findFirstOpsEvent: Find = (database) =>
  database.maybeOneFirst(sql.type(idRow)`
      SELECT event_id AS id FROM notifier.ops_event WHERE ${isNew} ORDER BY received_at, event_id LIMIT 1`)

export const postponeOpsEvent: Postpone = (database, id, reason) =>
  database.transaction(async (tx) => {
    const event = await tx.maybeOne(sql.type(kindRow)`
        UPDATE notifier.ops_event SET put_off_until = ${later} WHERE event_id = ${id}::uuid AND ${isNew} RETURNING kind`)
    // No incident about an incident: where none can be planned, that would never end.
    if (event && event.kind !== failed) await reportPostponed(tx, `operational event ${id}`, reason)
  })

/** The due bundles of a destination. */
export const findFirstBundles: Find = (database) =>
  database.maybeOneFirst(sql.type(idRow)`
      SELECT destination_id::text AS id FROM notifier.bundle WHERE due_at <= now()
      GROUP BY destination_id ORDER BY min(due_at), destination_id LIMIT 1`)

export const postponeBundles: Postpone = (database, id, reason) =>
  database.transaction(async (tx) => {
    const { rowCount } = await tx.query(sql.unsafe`
        UPDATE notifier.bundle SET due_at = ${later} WHERE due_at <= now() AND destination_id = ${id}::int`)
    if (rowCount > 0) await reportPostponed(tx, `messages to destination ${id}`, reason)
  })

const reportPostponed = (tx: Transaction, subject: string, reason: string) =>
  reportOnce(tx, failed, subject, `Its notification failed: ${excerpt(reason, 300)}. It is retried every hour.`)

/**
 * Opens an incident of the notifier's own, unless it was opened before. The administrators get it as an operational
 * event.
 */
export async function reportOnce(tx: Transaction, kind: string, subject: string, message: string): Promise<void> {
  const dedupe_key = `notifier/${kind}/${subject}`
  const known = { service: 'notifier', data_source_id: null, resolved: false, at: Date.now(), facts: {} }
  const event = { event_id: uuidv5(dedupe_key, namespace), kind, subject, message, dedupe_key, ...known }
  await addToOutbox(tx, 'notifier', [event])
}
