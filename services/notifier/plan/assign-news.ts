import { z } from 'zod'
import { column } from '#runtime/postgres/column.ts'
import { type Database, sql, type Transaction } from '#runtime/postgres/database.ts'
import { ensureDestinations } from '../delivery/enqueue.ts'
import { asRecipient, destinationOf, mergeRecipients } from '../people/destinations.ts'
import { passesFilter, severities } from '../people/filter.ts'
import { findFollowers, type Follower, type RecipientChannel } from '../people/recipients.ts'
import type { PeopleSettings } from '../people/settings.ts'
import { addToBundles, type BundleItem, lockPlanning } from './bundles.ts'
import { type CoolDown, readCoolDown } from './cool-down.ts'
import { type Bundle, endOfWindow } from './decide-when.ts'
import { type Preferences, readPreferences } from './preferences.ts'
import type { PlanSettings } from './settings.ts'

const groupRow = z.object({ group_id: z.string(), company_id: z.number() })
const newsRow = groupRow.extend({
  news_id: z.string(),
  data_source_id: z.number(),
  source_measurement_id: z.number(),
  severity: z.enum(severities),
  kind: z.string(),
  dedupe_key: z.string(),
})
type NewsItem = z.output<typeof newsRow>

/** Pairs of a news item and a follower in one transaction; the next one takes the rest. */
const maxItems = 20_000

/**
 * Decides for each news item of up to `limit` due groups who gets it, where and when, and writes that in one
 * transaction. Returns how many groups it took.
 */
export async function assignNews(
  config: PlanSettings & PeopleSettings,
  database: Database,
  limit: number,
): Promise<number> {
  return database.transaction(async (tx) => {
    const now = await lockPlanning(tx)
    const due = await tx.any(sql.type(groupRow)`
      SELECT group_id, company_id FROM notifier.news_group
      WHERE due_at <= now() ORDER BY due_at, group_id LIMIT ${limit} FOR UPDATE SKIP LOCKED`)
    if (due.length === 0) return 0
    const companies = [...new Set(due.map(({ company_id }) => company_id))]
    const followers = await findFollowers(tx, companies, config.STRICT_CHANNEL_PURPOSE)
    const found = await readNews(tx, due)
    const news = takeSome(found, followers)
    const groups = due.filter(({ group_id }) => !found.has(group_id) || news.has(group_id))
    const all = [...news.values()].flat()

    const users = followers.flatMap(({ channel }) => channel?.user_id ?? [])
    const preferences = await readPreferences(tx, users)
    const coolDown = await readCoolDown(tx, all, config.COOL_DOWN_MS)
    const idOf = await ensureDestinations(
      tx,
      followers.flatMap(({ channel }) => (channel ? destinationOf(channel) : [])),
    )
    const byCompany = Map.groupBy(followers, ({ company_id }) => company_id)
    const withoutRecipient: [newsId: string, why: string][] = []
    const items = all.flatMap((one) => {
      const followers = byCompany.get(one.company_id) ?? []
      const interested = followers.filter(({ filter }) => passesFilter(one, filter))
      const channels = interested.flatMap(({ channel }) => channel ?? [])
      if (channels.length === 0) withoutRecipient.push([one.news_id, whyNoRecipient(followers, interested)])
      const byDestination = Map.groupBy(channels, (channel) => idOf(destinationOf(channel)))
      return [...byDestination].map(([destinationId, some]) => ({
        itemId: one.news_id,
        companyId: one.company_id,
        destinationId,
        ...applyPreferences(one, destinationId, some, preferences, coolDown),
        opensAt: (bundle: Bundle) =>
          endOfWindow(bundle, { isCritical: one.severity === 'critical', now, windowMs: config.BUNDLE_WINDOW_MS }),
      }))
    })
    await addToBundles(tx, items)
    await markAssigned(tx, all, groups, withoutRecipient)
    return groups.length
  })
}

async function readNews(tx: Transaction, groups: readonly { group_id: string }[]): Promise<Map<string, NewsItem[]>> {
  const rows = await tx.any(sql.type(newsRow)`
    SELECT group_id, company_id, news_id, data_source_id, source_measurement_id, severity, n.kind, dedupe_key
    FROM notifier.news_item n JOIN notifier.news_group g USING (group_id)
    WHERE group_id = ANY(${column(groups, 'uuid', ({ group_id }) => group_id)}) AND assigned_at IS NULL
    ORDER BY g.due_at, group_id, group_index`)
  return Map.groupBy(rows, ({ group_id }) => group_id)
}

/** As many groups as have at most `maxItems` pairs, but always the first. */
function takeSome(news: Map<string, NewsItem[]>, followers: readonly Follower[]): Map<string, NewsItem[]> {
  const followersOf = Map.groupBy(followers, ({ company_id }) => company_id)
  let sum = 0
  return new Map(
    [...news].filter(([, some], index) => {
      sum += some.length * (followersOf.get(some[0]?.company_id ?? 0)?.length ?? 0)
      return index === 0 || sum <= maxItems
    }),
  )
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

async function markAssigned(
  tx: Transaction,
  news: readonly NewsItem[],
  groups: readonly { group_id: string }[],
  withoutRecipient: readonly [string, string][],
): Promise<void> {
  const why = new Map(withoutRecipient)
  await tx.query(sql.unsafe`
    UPDATE notifier.news_item n SET assigned_at = now(), unheard = d.unheard
    FROM ${sql.unnest(
      news.map(({ news_id }) => [news_id, why.get(news_id) ?? null]),
      ['uuid', 'text'],
    )} AS d (news_id, unheard)
    WHERE n.news_id = d.news_id`)
  await tx.query(sql.unsafe`
    UPDATE notifier.news_group SET due_at = NULL
    WHERE group_id = ANY(${column(groups, 'uuid', ({ group_id }) => group_id)})`)
}
