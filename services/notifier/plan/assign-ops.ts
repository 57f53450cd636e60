import { z } from 'zod'
import { column } from '#runtime/postgres/column.ts'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { ensureDestinations } from '../delivery/enqueue.ts'
import { asRecipient, destinationOf, mergeRecipients } from '../people/destinations.ts'
import type { Filterable } from '../people/filter.ts'
import { findAdministratorChannels } from '../people/recipients.ts'
import type { PeopleSettings } from '../people/settings.ts'
import { readKnown } from '../told/known.ts'
import { addToBundles, type BundleItem, lockPlanning, operations } from './bundles.ts'
import { readPreferences } from './preferences.ts'
import type { PlanSettings } from './settings.ts'

const opsRow = z.object({
  event_id: z.string(),
  kind: z.string(),
  data_source_id: z.number().nullable(),
  resolved: z.boolean(),
})

/**
 * Decides when the administrators get up to `limit` new operational events: all events that arrive within OPS_WINDOW_MS
 * of the first go together. Returns how many events there were.
 */
export async function assignOps(
  config: PlanSettings & PeopleSettings,
  database: Database,
  limit: number,
): Promise<number> {
  return database.transaction(async (tx) => {
    const now = await lockPlanning(tx)
    const events = await tx.any(sql.type(opsRow)`
      SELECT event_id, kind, data_source_id, resolved FROM notifier.ops_event
      WHERE assigned_at IS NULL AND (put_off_until IS NULL OR put_off_until <= now())
      ORDER BY received_at, event_id LIMIT ${limit}`)
    if (events.length === 0) return 0
    const channels = await findAdministratorChannels(tx, config.STRICT_CHANNEL_PURPOSE)
    const preferences = await readPreferences(
      tx,
      channels.map(({ user_id }) => user_id),
    )
    const idOf = await ensureDestinations(tx, channels.map(destinationOf))
    const byDestination = Map.groupBy(channels, (channel) => idOf(destinationOf(channel)))
    const isTold = await readKnown(
      tx,
      events.map(({ event_id }) => event_id),
    )
    const items = events.flatMap(({ event_id, kind, data_source_id, resolved }) => {
      const isCritical = !resolved && config.OPS_CRITICAL_KINDS.includes(kind)
      const filterable: Filterable = {
        ...{ company_id: operations, data_source_id, source_measurement_id: null, kind },
        severity: isCritical ? 'critical' : 'warning',
      }
      return [...byDestination].map(([destinationId, some]): BundleItem => {
        const willing = some.filter(({ user_id }) => preferences.findMute(user_id, filterable) === null)
        return {
          ...{ itemId: event_id, companyId: operations, destinationId },
          recipients: mergeRecipients((willing.length > 0 ? willing : some).map(asRecipient)),
          quietUntil: willing.map(({ user_id }) => preferences.quietUntil(user_id, filterable)),
          opensAt: () => now + config.OPS_WINDOW_MS,
          keptBack: willing.length > 0 ? null : 'muted',
        }
      })
    })
    await addToBundles(
      tx,
      items.filter(({ itemId, destinationId }) => !isTold(itemId, destinationId)),
    )
    await tx.query(sql.unsafe`
      UPDATE notifier.ops_event SET assigned_at = now()
      WHERE event_id = ANY(${column(events, 'uuid', ({ event_id }) => event_id)})`)
    return events.length
  })
}
