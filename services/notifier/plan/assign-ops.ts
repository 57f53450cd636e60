import { z } from 'zod'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { addressOf, asPerson, joinPeople } from '../people/destinations.ts'
import { findAdministrators } from '../people/recipients.ts'
import { addToBundles, type Item, lockSealing, operations } from './bundles.ts'
import type { Config } from '../config.ts'
import { findDestinations } from '../delivery/enqueue.ts'
import type { Heard } from '../people/preferences.ts'
import { readRestraint } from './restraint.ts'

const opsRow = z.object({
  event_id: z.string(),
  kind: z.string(),
  data_source_id: z.number().nullable(),
  resolved: z.boolean(),
})

/**
 * Decides for up to `limit` operational events that are new when the administrators hear them: all that come within OPS_WINDOW_MS of the
 * first together. Returns how many events there were.
 */
export async function assignOps(database: Database, config: Config, limit: number): Promise<number> {
  return database.transaction(async (tx) => {
    const now = await lockSealing(tx)
    const events = await tx.any(sql.type(opsRow)`
      SELECT event_id, kind, data_source_id, resolved FROM notifier.ops_event
      WHERE assigned_at IS NULL AND (put_off_until IS NULL OR put_off_until <= now())
      ORDER BY received_at, event_id LIMIT ${limit}`)
    if (events.length === 0) return 0
    const members = await findAdministrators(tx, config.STRICT_CHANNEL_PURPOSE)
    const restraint = await readRestraint(
      tx,
      members.map(({ user_id }) => user_id),
    )
    const idOf = await findDestinations(tx, members.map(addressOf))
    const places = Map.groupBy(members, (member) => idOf(addressOf(member)))
    const items = events.flatMap(({ event_id, kind, data_source_id, resolved }) => {
      const isCritical = !resolved && config.OPS_CRITICAL_KINDS.includes(kind)
      const heard: Heard = {
        ...{ company_id: operations, data_source_id, source_measurement_id: null, kind },
        severity: isCritical ? 'critical' : 'warning',
      }
      return [...places].map(([destinationId, some]): Item => {
        const listening = some.filter(({ user_id }) => !restraint.isMuted(user_id, heard))
        return {
          ...{ itemId: event_id, companyId: operations, destinationId },
          people: joinPeople((listening.length > 0 ? listening : some).map(asPerson)),
          patience: listening.map(({ user_id }) => restraint.patienceOf(user_id, heard)),
          opensAt: () => now + config.OPS_WINDOW_MS,
          keptBack: listening.length > 0 ? null : 'muted',
        }
      })
    })
    await addToBundles(tx, items)
    await tx.query(sql.unsafe`
      UPDATE notifier.ops_event SET assigned_at = now()
      WHERE event_id = ANY(${sql.array(
        events.map(({ event_id }) => event_id),
        'uuid',
      )})`)
    return events.length
  })
}
