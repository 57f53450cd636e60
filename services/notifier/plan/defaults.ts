import type { Follower } from '../people/recipients.ts'
import type { PeopleSettings } from '../people/settings.ts'
import type { DefaultHours } from './preferences.ts'
import type { PlanSettings } from './settings.ts'

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
