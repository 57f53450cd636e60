import { z } from 'zod'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import type { Follower } from '../people/recipients.ts'
import type { PeopleSettings } from '../people/settings.ts'
import type { DefaultHours } from './preferences.ts'
import { type PlanSettings, readHours } from './settings.ts'

type Config = Pick<PlanSettings, 'ALERT_QUIET_HOURS'> & Pick<PeopleSettings, 'DIGEST_ZONE'>

/** What holds for people who have set nothing. */
export type Defaults = {
  quietHours: DefaultHours | null
  /** People with a limit of alerts a day, with their time zones. */
  limited: { id: number; zone: string }[]
}

/** `limited`: those who hear of something without having chosen it, and have a digest for the rest. */
export function readDefaults({ ALERT_QUIET_HOURS, DIGEST_ZONE }: Config, followers: readonly Follower[]): Defaults {
  const zones = new Map<number, string>()
  const limited = new Set<number>()
  const chosen = new Set<number>()
  for (const { channel, zone, isChosen, hasDigests } of followers) {
    if (channel === null) continue
    zones.set(channel.user_id, zone ?? DIGEST_ZONE)
    if (isChosen || !hasDigests) chosen.add(channel.user_id)
    else limited.add(channel.user_id)
  }
  const zoneOf = (userId: number) => zones.get(userId) ?? DIGEST_ZONE
  return {
    quietHours: ALERT_QUIET_HOURS && { ...ALERT_QUIET_HOURS, zoneOf },
    limited: [...limited].filter((id) => !chosen.has(id)).map((id) => ({ id, zone: zoneOf(id) })),
  }
}

const settingRow = z.object({ hours: z.string(), zone: z.string() })
const zoneRow = z.object({ user_id: z.number(), zone: z.string() })

/** The quiet hours of people who have set none, as the notifier that started last has them; null: there are none. */
export async function readNotedHours(tx: Transaction, userIds: readonly number[]): Promise<DefaultHours | null> {
  const setting = await tx.maybeOne(sql.type(settingRow)`
    SELECT h.value AS hours, z.value AS zone FROM notifier.digest_setting h, notifier.digest_setting z
    WHERE h.name = 'ALERT_QUIET_HOURS' AND z.name = 'DIGEST_ZONE'`)
  const hours = setting && readHours(setting.hours)
  if (hours === null) return null
  const own = await tx.any(sql.type(zoneRow)`
    SELECT DISTINCT ON (user_id) user_id, zone FROM (
      SELECT user_id, zone, 0 AS rank, 0 AS no FROM notifier.digest_policy WHERE bucket_id = 0
      UNION ALL
      SELECT user_id, zone, 1, quiet_hours_id FROM notifier.quiet_hours
    ) z WHERE user_id = ANY(${sql.array([...userIds], 'int4')}) ORDER BY user_id, rank, no`)
  const zones = new Map(own.map(({ user_id, zone }) => [user_id, zone]))
  return { ...hours, zoneOf: (userId) => zones.get(userId) ?? setting!.zone }
}
