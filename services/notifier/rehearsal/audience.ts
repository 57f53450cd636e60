import type { Transaction } from '#runtime/postgres/database.ts'
import { type Destination, destinationKey, destinationOf } from '../people/destinations.ts'
import { findFollowers } from '../people/recipients.ts'
import type { PeopleSettings } from '../people/settings.ts'
import { readDefaults } from '../plan/defaults.ts'
import { viewPreferences } from '../plan/preferences.ts'
import type { PlanSettings } from '../plan/settings.ts'
import type { Audience } from './rehearse.ts'

/** The people who follow these companies now, and their destinations by number. Writes nothing. */
export async function readAudience(
  config: PlanSettings & PeopleSettings,
  tx: Transaction,
  companies: readonly number[],
): Promise<{ audience: Audience; destinations: ReadonlyMap<number, Destination> }> {
  const followers = await findFollowers(tx, companies, config.STRICT_CHANNEL_PURPOSE)
  const { quietHours, limited } = readDefaults(config, followers)
  const { preferences } = await viewPreferences(
    tx,
    followers.flatMap(({ channel }) => channel?.user_id ?? []),
    quietHours,
  )
  const all = followers.flatMap(({ channel }) => (channel ? [destinationOf(channel)] : []))
  const distinct = [...new Map(all.map((one) => [destinationKey(one), one])).values()]
  const numbers = new Map(distinct.map((one, index) => [destinationKey(one), index + 1]))
  const audience = {
    ...{
      followers,
      preferences,
      importance: config.ALERT_IMPORTANCE,
      limited,
      alertsPerDay: config.ALERTS_PER_DAY,
      coolDownMs: config.COOL_DOWN_MS,
      windowMs: config.BUNDLE_WINDOW_MS,
    },
    destinationId: (channel: Parameters<typeof destinationOf>[0]) =>
      numbers.get(destinationKey(destinationOf(channel)))!,
  }
  return { audience, destinations: new Map(distinct.map((one, index) => [index + 1, one])) }
}
