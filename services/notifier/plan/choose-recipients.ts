import { asRecipient, mergeRecipients } from '../people/destinations.ts'
import { type Filterable, passesFilter } from '../people/filter.ts'
import type { Follower, RecipientChannel } from '../people/recipients.ts'
import type { AlertLimit } from './alert-limit.ts'
import type { BundleItem } from './bundles.ts'
import type { CoolDown } from '../people/cool-down.ts'
import { type Bundle, endOfWindow } from './decide-when.ts'
import type { Preferences } from './preferences.ts'

export type NewsItem = Filterable & { news_id: string; group_id: string; dedupe_key: string; rule_id?: string | null }

type Circumstances = {
  /** Of the companies of the news items. */
  followers: readonly Follower[]
  preferences: Preferences
  coolDown: CoolDown
  limit: AlertLimit
  /** From which importance on there are alerts for people who have not chosen what they hear. */
  importance: number
  destinationId(channel: RecipientChannel): number
  /** ms since 1970. */
  now: number
  windowMs: number
}

/**
 * Who gets each news item at which destination and when, or why it is kept back there; and the news items that nobody
 * gets, with the reason. What is sent now counts for the cool-down and the limit of what follows.
 */
export function chooseRecipients(
  news: readonly NewsItem[],
  circumstances: Circumstances,
): { items: BundleItem[]; withoutRecipient: [newsId: string, why: string][] } {
  const { destinationId, now, windowMs } = circumstances
  const byCompany = Map.groupBy(circumstances.followers, ({ company_id }) => company_id)
  const withoutRecipient: [newsId: string, why: string][] = []
  const items = news.flatMap((one) => {
    const followers = byCompany.get(one.company_id) ?? []
    const covering = followers.filter(({ filter }) => passesFilter(one, filter))
    const interested = covering.filter((follower) => isAlertFor(follower, one, circumstances.importance))
    const channels = interested.flatMap(({ channel }) => channel ?? [])
    if (channels.length === 0) withoutRecipient.push([one.news_id, whyNoRecipient({ followers, covering, interested })])
    return [...Map.groupBy(channels, destinationId)].map(([id, some]) => ({
      ...{ itemId: one.news_id, companyId: one.company_id, destinationId: id },
      ...applyPreferences(one, id, some, circumstances),
      opensAt: (bundle: Bundle) => endOfWindow(bundle, { isCritical: one.severity === 'critical', now, windowMs }),
    }))
  })
  return { items, withoutRecipient }
}

/**
 * Whether a news item is important enough for an alert: by its importance, as a warning, or because a rule of people
 * found it. Whoever has chosen what they hear, or has no digest for the rest, hears everything.
 */
function isAlertFor({ isChosen, hasDigests }: Follower, news: NewsItem, least: number): boolean {
  const { importance = null, severity, rule_id = null } = news
  const isRuled = rule_id !== null && !rule_id.startsWith('default/')
  return isChosen || !hasDigests || importance === null || importance >= least || severity !== 'info' || isRuled
}

type Found = Record<'followers' | 'covering' | 'interested', readonly Follower[]>

function whyNoRecipient({ followers, covering, interested }: Found): string {
  if (followers.length === 0) return 'nobody follows the company'
  if (covering.length === 0) return 'no subscription covers it'
  return interested.length === 0
    ? 'not important enough for an alert, so it stands in digests'
    : 'nobody who follows the company has a channel for it'
}

/** The recipients of a news item at a destination and when each may get it, or why it is kept back there. */
function applyPreferences(
  news: NewsItem,
  destination_id: number,
  channels: readonly RecipientChannel[],
  { preferences, coolDown, limit }: Circumstances,
): Pick<BundleItem, 'recipients' | 'quietUntil' | 'keptBack'> {
  const isCritical = news.severity === 'critical'
  const willing = channels.filter(({ user_id }) => !preferences.isMuted(user_id, news))
  const free = willing.filter(({ user_id }) => isCritical || !limit.covers(user_id, news.company_id))
  const keptBack = (why: string | null, some: readonly RecipientChannel[]) => ({
    recipients: mergeRecipients(some.map(asRecipient)),
    quietUntil: some.map(({ user_id }) => preferences.quietUntil(user_id, news)),
    keptBack: why,
  })
  if (willing.length === 0) return { ...keptBack('muted', channels), quietUntil: [] }
  if (free.length === 0)
    return keptBack('its reader has had enough alerts for a day, so it stands in the digest', willing)
  if (!isCritical && coolDown.covers({ destination_id, ...news }))
    return keptBack('sent there before, within the cool-down', free)
  coolDown.add({ destination_id, ...news })
  for (const { user_id } of free) limit.add(user_id, news.company_id)
  return keptBack(null, free)
}
