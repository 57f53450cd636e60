import { asRecipient, mergeRecipients } from '../people/destinations.ts'
import { type Filterable, passesFilter } from '../people/filter.ts'
import type { Follower, RecipientChannel } from '../people/recipients.ts'
import type { AlertLimit } from './alert-limit.ts'
import type { BundleItem } from './bundles.ts'
import type { CoolDown } from '../people/cool-down.ts'
import { type Bundle, endOfWindow } from './decide-when.ts'
import type { MuteReason, Preferences } from './preferences.ts'

export type NewsItem = Filterable & { news_id: string; group_id: string; dedupe_key: string; rule_id?: string | null }

type Circumstances = {
  /** Of the companies of the news items. */
  followers: readonly Follower[]
  preferences: Preferences
  coolDown: CoolDown
  limit: AlertLimit
  /** Whether it was told there before it came here (told/known.ts); by default nothing was. */
  isTold?(newsId: string, destinationId: number): boolean
  /** From which importance on there are alerts for people who have not chosen what they hear. */
  importance: number
  destinationId(channel: RecipientChannel): number
  /** ms since 1970. */
  now: number
  windowMs: number
}

/** Why somebody who follows the company of a news item gets no alert about it. */
type LeftOutReason =
  | { reason: 'uncovered' | 'no_channel' }
  | { reason: 'unimportant'; importance: number | null; least: number }
  | { reason: 'muted'; mute: MuteReason }
  | { reason: 'daily_limit'; per_day: number }
  /** `news_id`: the one that was sent before. */
  | { reason: 'cool_down'; news_id: string }

/** The people (public.user.id) that a reason is true of. */
export type LeftOut = LeftOutReason & { people: number[] }

/**
 * Who gets each news item at which destination and when, or why it is kept back there; and the news items that nobody
 * gets, with the reason. `leftOut`: of each news item, its company's followers who get no alert. What is sent now counts for the cool-down and the limit of what follows.
 */
export function chooseRecipients(news: readonly NewsItem[], circumstances: Circumstances): Chosen {
  const { destinationId, now, windowMs } = circumstances
  const byCompany = Map.groupBy(circumstances.followers, ({ company_id }) => company_id)
  const withoutRecipient: [newsId: string, why: string][] = []
  const leftOut = new Map<string, LeftOut[]>()
  const items = news.flatMap((one) => {
    const followers = byCompany.get(one.company_id) ?? []
    const covering = followers.filter(({ filter }) => passesFilter(one, filter))
    const interested = covering.filter((follower) => isAlertFor(follower, one, circumstances.importance))
    const channels = interested.flatMap(({ channel }) => channel ?? [])
    if (channels.length === 0) withoutRecipient.push([one.news_id, whyNoRecipient({ followers, covering, interested })])
    const places = [...Map.groupBy(channels, destinationId)].map(([id, some]) => ({
      ...{ itemId: one.news_id, companyId: one.company_id, destinationId: id },
      ...applyPreferences(one, id, some, circumstances),
      opensAt: (bundle: Bundle) => endOfWindow(bundle, { isCritical: one.severity === 'critical', now, windowMs }),
    }))
    leftOut.set(one.news_id, listLeftOut(one, { followers, covering, interested }, places, circumstances.importance))
    return places
      .filter(({ destinationId }) => circumstances.isTold?.(one.news_id, destinationId) !== true)
      .map(({ refused: _, ...item }) => item)
  })
  return { items, withoutRecipient, leftOut }
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

type Chosen = {
  items: BundleItem[]
  withoutRecipient: [newsId: string, why: string][]
  leftOut: Map<string, LeftOut[]>
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
  { preferences, coolDown, limit, isTold }: Circumstances,
): Pick<BundleItem, 'recipients' | 'quietUntil' | 'keptBack'> & { refused: Refused[] } {
  if (isTold?.(news.news_id, destination_id))
    return { recipients: mergeRecipients(channels.map(asRecipient)), quietUntil: [], keptBack: null, refused: [] }
  const isCritical = news.severity === 'critical'
  const muted = channels.map(({ user_id }) => preferences.findMute(user_id, news))
  const willing = channels.filter((_, index) => muted[index] === null)
  const free = willing.filter(({ user_id }) => isCritical || !limit.covers(user_id, news.company_id))
  const refused: Refused[] = [
    ...channels.flatMap(({ user_id }, at): Refused[] => {
      const mute = muted[at] ?? null
      return mute === null ? [] : [[user_id, { reason: 'muted', mute }]]
    }),
    ...willing
      .filter((one) => !free.includes(one))
      .map(({ user_id }): Refused => [user_id, { reason: 'daily_limit', per_day: limit.perDay }]),
  ]
  const keptBack = (why: string | null, some: readonly RecipientChannel[], more: Refused[] = []) => ({
    recipients: mergeRecipients(some.map(asRecipient)),
    quietUntil: some.map(({ user_id }) => preferences.quietUntil(user_id, news)),
    keptBack: why,
    refused: [...refused, ...more],
  })
  if (willing.length === 0) return { ...keptBack('muted', channels), quietUntil: [] }
  if (free.length === 0)
    return keptBack('its reader has had enough alerts for a day, so it stands in the digest', willing)
  const same = isCritical ? null : coolDown.findSame({ destination_id, ...news })
  if (same !== null)
    return keptBack(
      'sent there before, within the cool-down',
      free,
      free.map(({ user_id }) => [user_id, { reason: 'cool_down', news_id: same }]),
    )
  coolDown.add({ destination_id, ...news })
  for (const { user_id } of free) limit.add(user_id, news.company_id)
  return keptBack(null, free)
}

type Refused = [userId: number, why: LeftOutReason]
type Place = Pick<BundleItem, 'recipients' | 'keptBack'> & { refused: readonly Refused[] }

/** The followers who get no alert, by the reason that is nearest to one. */
function listLeftOut(
  { importance = null }: NewsItem,
  { followers, covering, interested }: Found,
  places: readonly Place[],
  least: number,
): LeftOut[] {
  const reasons = new Map<number, LeftOutReason>()
  const note = (some: readonly Follower[], reason: LeftOutReason) =>
    some.forEach(({ user_id }) => reasons.set(user_id, reason))
  note(followers, { reason: 'uncovered' })
  note(covering, { reason: 'unimportant', importance, least })
  note(interested, { reason: 'no_channel' })
  for (const { refused } of places) for (const [userId, reason] of refused) reasons.set(userId, reason)
  for (const { recipients, keptBack } of places)
    if (keptBack === null) for (const { id } of recipients) reasons.delete(id)
  return [...Map.groupBy(reasons, ([, reason]) => JSON.stringify(reason)).values()].map((some) => ({
    ...some[0]![1],
    people: some.map(([userId]) => userId),
  }))
}
