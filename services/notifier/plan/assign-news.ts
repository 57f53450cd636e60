import { z } from 'zod'
import { type Database, sql, type Transaction } from '#runtime/postgres/database.ts'
import { addressOf, asPerson, joinPeople } from '../people/destinations.ts'
import { findHearers, type Hearer, type Member } from '../people/recipients.ts'
import { addToBundles, type Item, lockSealing } from './bundles.ts'
import type { Config } from '../config.ts'
import { endOfWindow } from './decide-when.ts'
import { findDestinations } from '../delivery/enqueue.ts'
import { isWished, severities } from '../people/preferences.ts'
import { readRestraint, type Restraint } from './restraint.ts'
import { findStories, type Stories } from './cool-down.ts'

const groupRow = z.object({ group_id: z.string(), company_id: z.number() })
const newsRow = groupRow.extend({
  news_id: z.string(),
  data_source_id: z.number(),
  source_measurement_id: z.number(),
  severity: z.enum(severities),
  kind: z.string(),
  dedupe_key: z.string(),
})
type News = z.output<typeof newsRow>

/** Of news with more hearers, the next transaction takes the rest. */
const maxItems = 20_000

/**
 * Decides for the news of up to `limit` due groups who hears each of them, where and when, and writes it in one
 * transaction. Returns how many groups there were.
 */
export async function assignNews(database: Database, config: Config, limit: number): Promise<number> {
  return database.transaction(async (tx) => {
    const now = await lockSealing(tx)
    const due = await tx.any(sql.type(groupRow)`
      SELECT group_id, company_id FROM notifier.news_group
      WHERE due_at <= now() ORDER BY due_at, group_id LIMIT ${limit} FOR UPDATE SKIP LOCKED`)
    if (due.length === 0) return 0
    const companies = [...new Set(due.map(({ company_id }) => company_id))]
    const hearers = await findHearers(tx, companies, config.STRICT_CHANNEL_PURPOSE)
    const found = await readNews(tx, due)
    const news = takeSome(found, hearers)
    const groups = due.filter(({ group_id }) => !found.has(group_id) || news.has(group_id))
    const all = [...news.values()].flat()

    const users = hearers.flatMap(({ member }) => member?.user_id ?? [])
    const restraint = await readRestraint(tx, users)
    const stories = await findStories(tx, all, config.COOL_DOWN_MS)
    const idOf = await findDestinations(
      tx,
      hearers.flatMap(({ member }) => (member ? addressOf(member) : [])),
    )
    const byCompany = Map.groupBy(hearers, ({ company_id }) => company_id)
    const unheard: [newsId: string, why: string][] = []
    const items = all.flatMap((one) => {
      const followers = byCompany.get(one.company_id) ?? []
      const wishing = followers.filter(({ wish }) => isWished(one, wish))
      const members = wishing.flatMap(({ member }) => member ?? [])
      if (members.length === 0) unheard.push([one.news_id, whyUnheard(followers, wishing)])
      const places = Map.groupBy(members, (member) => idOf(addressOf(member)))
      return [...places].map(([destinationId, some]) => ({
        itemId: one.news_id,
        companyId: one.company_id,
        destinationId,
        ...restrain(one, destinationId, some, restraint, stories),
        opensAt: (bundle: Parameters<Item['opensAt']>[0]) =>
          endOfWindow(bundle, { isCritical: one.severity === 'critical', now, windowMs: config.BUNDLE_WINDOW_MS }),
      }))
    })
    await addToBundles(tx, items)
    await markAssigned(tx, all, groups, unheard)
    return groups.length
  })
}

async function readNews(tx: Transaction, groups: readonly { group_id: string }[]): Promise<Map<string, News[]>> {
  const rows = await tx.any(sql.type(newsRow)`
    SELECT group_id, company_id, news_id, data_source_id, source_measurement_id, severity, n.kind, dedupe_key
    FROM notifier.news_item n JOIN notifier.news_group g USING (group_id)
    WHERE group_id = ANY(${sql.array(
      groups.map(({ group_id }) => group_id),
      'uuid',
    )}) AND assigned_at IS NULL
    ORDER BY g.due_at, group_id, group_index`)
  return Map.groupBy(rows, ({ group_id }) => group_id)
}

/** As many groups as make no more than `maxItems`, and the first in any case. */
function takeSome(news: Map<string, News[]>, hearers: readonly Hearer[]): Map<string, News[]> {
  const hearersOf = Map.groupBy(hearers, ({ company_id }) => company_id)
  let sum = 0
  return new Map(
    [...news].filter(([, some], index) => {
      sum += some.length * (hearersOf.get(some[0]?.company_id ?? 0)?.length ?? 0)
      return index === 0 || sum <= maxItems
    }),
  )
}

function whyUnheard(followers: readonly Hearer[], wishing: readonly Hearer[]): string {
  if (followers.length === 0) return 'nobody follows the company'
  return wishing.length === 0 ? 'no subscription asks for it' : 'nobody who follows the company has a channel for it'
}

/** Who of those at a destination hears a news, and with how much patience; why it is kept back when nobody does. */
function restrain(
  news: News,
  destination_id: number,
  members: readonly Member[],
  restraint: Restraint,
  stories: Stories,
): Pick<Item, 'people' | 'patience' | 'keptBack'> {
  const listening = members.filter(({ user_id }) => !restraint.isMuted(user_id, news))
  const people = joinPeople((listening.length > 0 ? listening : members).map(asPerson))
  const patience = listening.map(({ user_id }) => restraint.patienceOf(user_id, news))
  if (listening.length === 0) return { people, patience, keptBack: 'muted' }
  if (news.severity !== 'critical' && stories.has({ destination_id, ...news }))
    return { people, patience, keptBack: 'the same story was told there before' }
  stories.add({ destination_id, ...news })
  return { people, patience, keptBack: null }
}

async function markAssigned(
  tx: Transaction,
  news: readonly News[],
  groups: readonly { group_id: string }[],
  unheard: readonly [string, string][],
): Promise<void> {
  const why = new Map(unheard)
  await tx.query(sql.unsafe`
    UPDATE notifier.news_item n SET assigned_at = now(), unheard = d.unheard
    FROM ${sql.unnest(
      news.map(({ news_id }) => [news_id, why.get(news_id) ?? null]),
      ['uuid', 'text'],
    )} AS d (news_id, unheard)
    WHERE n.news_id = d.news_id`)
  await tx.query(sql.unsafe`
    UPDATE notifier.news_group SET due_at = NULL
    WHERE group_id = ANY(${sql.array(
      groups.map(({ group_id }) => group_id),
      'uuid',
    )})`)
}
