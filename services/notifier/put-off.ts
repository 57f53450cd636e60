import { v5 as uuidv5 } from 'uuid'
import { z } from 'zod'
import { type Database, sql, type Transaction } from '#runtime/postgres.ts'
import { cut, clean } from './text.ts'

// What cannot be told for a reason that does not go away by itself: it makes room for the others, is tried again, and
// the administrators are told once.

/** Namespace of the ids of these events. */
const namespace = '5b0e7d0e-4b0b-4f4c-8f0e-2a3b9c4d5e6f'

const later = sql.fragment`now() + interval '1 hour'`
const idRow = z.object({ id: z.string() })

/** Puts off the group that was due first. */
export async function putOffGroup(database: Database, reason: string): Promise<void> {
  await database.transaction(async (tx) => {
    const id = await tx.maybeOneFirst(sql.type(idRow)`
      UPDATE notifier.news_group SET due_at = ${later} WHERE group_id = (
        SELECT group_id FROM notifier.news_group WHERE due_at <= now() ORDER BY due_at, group_id LIMIT 1 FOR UPDATE
      ) RETURNING group_id AS id`)
    if (id !== null) await reportUntold(tx, `event ${id}`, reason)
  })
}

/** Puts off what is due at the destination where something was due first. */
export async function putOffBundles(database: Database, reason: string): Promise<void> {
  await database.transaction(async (tx) => {
    const ids = await tx.anyFirst(sql.type(idRow)`
      UPDATE notifier.bundle SET due_at = ${later} WHERE due_at <= now() AND destination_id = (
        SELECT destination_id FROM notifier.bundle WHERE due_at <= now()
        GROUP BY destination_id ORDER BY min(due_at), destination_id LIMIT 1
      ) RETURNING destination_id::text AS id`)
    if (ids[0] !== undefined) await reportUntold(tx, `messages to destination ${ids[0]}`, reason)
  })
}

const reportUntold = (tx: Transaction, subject: string, reason: string) =>
  reportOnce(tx, 'untold', subject, `It could not be told: ${cut(clean(reason), 300)}. It is tried again each hour.`)

/** Tells the administrators, the first time. */
export async function reportOnce(tx: Transaction, kind: string, subject: string, message: string): Promise<void> {
  const key = `notifier/${kind}/${subject}`
  await tx.query(sql.unsafe`
    WITH opened AS (
      INSERT INTO notifier.ops_story (dedupe_key, is_open) VALUES (${key}, true) ON CONFLICT DO NOTHING RETURNING dedupe_key
    )
    INSERT INTO notifier.ops_event (event_id, dedupe_key, kind, service, subject, message, resolved, at)
    SELECT ${uuidv5(key, namespace)}::uuid, dedupe_key, ${kind}, 'notifier', ${subject}, ${message}, false, now() FROM opened`)
}
