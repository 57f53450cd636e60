import { z } from 'zod'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { startLoop } from '#runtime/process/loop.ts'
import type { ServiceContext } from '#runtime/process/service.ts'
import type { DeliverySettings } from '../delivery/settings.ts'

const dueRow = z.object({ plans: z.boolean(), deliveries: z.boolean(), events: z.boolean() })

/**
 * Asks for the due work of all loops in one statement, every POLL_MS, and wakes those that have some. A notifier at rest
 * costs little that way. The loops depend on it for their haste alone: each also looks itself from time to time.
 */
export function watchDue(
  { POLL_MS }: Pick<DeliverySettings, 'POLL_MS'>,
  context: ServiceContext,
  database: Database,
  wake: { plan(): void; deliver(): void; publish(): void },
): void {
  startLoop('watch_due', POLL_MS, context, async () => {
    const due = await database.one(sql.type(dueRow)`
      SELECT
        EXISTS (SELECT FROM notifier.news_group WHERE due_at <= now())
          OR EXISTS (SELECT FROM notifier.bundle WHERE due_at <= now())
          OR EXISTS (SELECT FROM notifier.ops_event
            WHERE assigned_at IS NULL AND (put_off_until IS NULL OR put_off_until <= now())) AS plans,
        EXISTS (SELECT FROM notifier.parking) OR EXISTS (
          SELECT FROM notifier.destination t
          CROSS JOIN LATERAL (
            SELECT due_at FROM notifier.delivery
            WHERE destination_id = t.destination_id AND due_at <= now() AND state IN ('pending', 'unknown')
            ORDER BY due_at LIMIT 1
          ) d
          WHERE t.free_at <= now() AND t.unsubscribed_at IS NULL AND (t.parked_at IS NULL OR d.due_at = '-infinity')
        ) AS deliveries,
        EXISTS (SELECT FROM notifier.outbox WHERE published_at IS NULL) AS events`)
    if (due.plans) wake.plan()
    if (due.deliveries) wake.deliver()
    if (due.events) wake.publish()
  })
}
