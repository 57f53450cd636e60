import { v5 as uuidv5 } from 'uuid'
import { z } from 'zod'
import { type Database, sql } from '#runtime/postgres.ts'
import { findAdministrators } from './audience.ts'
import { composeOps } from './compose.ts'
import type { Config } from './config.ts'
import { writeDrafts } from './draft-store.ts'

/** Namespace of the ids of notifications about operations. */
const namespace = '0a0e1d0e-6d0c-4b3c-9a53-0f5b4a1f7c52'
/** More go into the next message. */
const maxEvents = 5000

const opsRow = z.object({
  event_id: z.string(),
  kind: z.string(),
  service: z.string(),
  subject: z.string(),
  message: z.string(),
  resolved: z.boolean(),
  at: z.number(),
})

/** Any number that no other advisory lock of this database has. */
const opsLock = 7_116_004_201

/**
 * Turns the operational events that have waited for OPS_WINDOW_MS, and all that came since, into one notification to the
 * administrators. Returns how many events there were.
 */
export async function sealOps(database: Database, config: Config): Promise<number> {
  return database.transaction(async (tx) => {
    // One process at a time: two would make two messages of one window.
    if (
      !(await tx.oneFirst(
        sql.type(z.object({ locked: z.boolean() }))`SELECT pg_try_advisory_xact_lock(${opsLock}) AS locked`,
      ))
    )
      return 0
    const events = await tx.any(sql.type(opsRow)`
      SELECT event_id, kind, service, subject, message, resolved, at FROM notifier.ops_event
      WHERE notification_id IS NULL AND EXISTS (
        SELECT FROM notifier.ops_event
        WHERE notification_id IS NULL AND received_at <= now() - ${config.OPS_WINDOW_MS} * interval '1 ms')
      ORDER BY received_at LIMIT ${maxEvents}`)
    const [first] = events
    if (!first) return 0
    const notificationId = uuidv5(first.event_id, namespace)
    const message = composeOps(events, config.MAX_LINES)
    const members = await findAdministrators(tx, config.STRICT_CHANNEL_PURPOSE)
    await writeDrafts(tx, [{ notificationId, kind: 'ops', companyId: null, dataSourceId: null, message, members }])
    await tx.query(sql.unsafe`
      UPDATE notifier.ops_event SET notification_id = ${notificationId}::uuid
      WHERE event_id = ANY(${sql.array(
        events.map(({ event_id }) => event_id),
        'uuid',
      )})`)
    return events.length
  })
}
