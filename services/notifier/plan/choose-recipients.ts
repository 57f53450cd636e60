import { asRecipient, mergeRecipients } from '../people/destinations.ts'
import { type Filterable, passesFilter } from '../people/filter.ts'
import type { Follower, RecipientChannel } from '../people/recipients.ts'
import type { BundleItem } from './bundles.ts'
import type { CoolDown } from '../people/cool-down.ts'
import { type Bundle, endOfWindow } from './decide-when.ts'
import type { Preferences } from './preferences.ts'

export type NewsItem = Filterable & { news_id: string; group_id: string; dedupe_key: string }

type Circumstances = {
  /** Of the companies of the news items. */
  followers: readonly Follower[]
  preferences: Preferences
  coolDown: CoolDown
  destinationId(channel: RecipientChannel): number
  /** ms since 1970. */
  now: number
  windowMs: number
}

/**
 * Who gets each news item at which destination and when, or why it is kept back there; and the news items that nobody
 * gets, with the reason. What is sent now counts for the cool-down of what follows.
 */
export function chooseRecipients(
  news: readonly NewsItem[],
  { followers, preferences, coolDown, destinationId, now, windowMs }: Circumstances,
): { items: BundleItem[]; withoutRecipient: [newsId: string, why: string][] } {
  const byCompany = Map.groupBy(followers, ({ company_id }) => company_id)
  const withoutRecipient: [newsId: string, why: string][] = []
  const items = news.flatMap((one) => {
    const followers = byCompany.get(one.company_id) ?? []
    const interested = followers.filter(({ filter }) => passesFilter(one, filter))
    const channels = interested.flatMap(({ channel }) => channel ?? [])
    if (channels.length === 0) withoutRecipient.push([one.news_id, whyNoRecipient(followers, interested)])
    return [...Map.groupBy(channels, destinationId)].map(([id, some]) => ({
      ...{ itemId: one.news_id, companyId: one.company_id, destinationId: id },
      ...applyPreferences(one, id, some, preferences, coolDown),
      opensAt: (bundle: Bundle) => endOfWindow(bundle, { isCritical: one.severity === 'critical', now, windowMs }),
    }))
  })
  return { items, withoutRecipient }
}

function whyNoRecipient(followers: readonly Follower[], interested: readonly Follower[]): string {
  if (followers.length === 0) return 'nobody follows the company'
  return interested.length === 0 ? 'no subscription covers it' : 'nobody who follows the company has a channel for it'
}

/** The recipients of a news item at a destination and when each may get it, or why it is kept back there. */
function applyPreferences(
  news: NewsItem,
  destination_id: number,
  channels: readonly RecipientChannel[],
  preferences: Preferences,
  coolDown: CoolDown,
): Pick<BundleItem, 'recipients' | 'quietUntil' | 'keptBack'> {
  const willing = channels.filter(({ user_id }) => !preferences.isMuted(user_id, news))
  const recipients = mergeRecipients((willing.length > 0 ? willing : channels).map(asRecipient))
  const quietUntil = willing.map(({ user_id }) => preferences.quietUntil(user_id, news))
  if (willing.length === 0) return { recipients, quietUntil, keptBack: 'muted' }
  if (news.severity !== 'critical' && coolDown.covers({ destination_id, ...news }))
    return { recipients, quietUntil, keptBack: 'sent there before, within the cool-down' }
  coolDown.add({ destination_id, ...news })
  return { recipients, quietUntil, keptBack: null }
}
