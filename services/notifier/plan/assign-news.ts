import { z } from 'zod'
import { column } from '#runtime/postgres/column.ts'
import { type Database, sql, type Transaction } from '#runtime/postgres/database.ts'
import { ensureDestinations } from '../delivery/enqueue.ts'
import { destinationOf } from '../people/destinations.ts'
import { severities } from '../people/filter.ts'
import { findFollowers, type Follower } from '../people/recipients.ts'
import type { PeopleSettings } from '../people/settings.ts'
import { readAlertLimit } from './alert-limit.ts'
import { readKnown } from '../told/known.ts'
import { addToBundles, lockPlanning } from './bundles.ts'
import { chooseRecipients, type LeftOut, type NewsItem } from './choose-recipients.ts'
import { readCoolDown } from '../people/cool-down.ts'
import { readDefaults } from './defaults.ts'
import { readPreferences } from './preferences.ts'
import type { PlanSettings } from './settings.ts'

const groupRow = z.object({ group_id: z.string(), company_id: z.number() })
const newsRow = groupRow.extend({
  news_id: z.string(),
  data_source_id: z.number(),
  source_measurement_id: z.number(),
  severity: z.enum(severities),
  kind: z.string(),
  dedupe_key: z.string(),
  subject_key: z.string().nullable(),
  item_key: z.string().nullable(),
  importance: z.number().nullable(),
  previous: z.string().nullable(),
  current: z.string().nullable(),
  rule_id: z.string().nullable(),
})

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
    const { quietHours, limited } = readDefaults(config, followers)
    const preferences = await readPreferences(tx, users, quietHours)
    const alertLimit = await readAlertLimit(tx, limited, { perDay: config.ALERTS_PER_DAY, now })
    const coolDown = await readCoolDown(tx, all, config.COOL_DOWN_MS)
    const isTold = await readKnown(
      tx,
      all.map(({ news_id }) => news_id),
    )
    const idOf = await ensureDestinations(
      tx,
      followers.flatMap(({ channel }) => (channel ? destinationOf(channel) : [])),
    )
    const { items, withoutRecipient, leftOut } = chooseRecipients(all, {
      ...{ followers, preferences, coolDown, limit: alertLimit, importance: config.ALERT_IMPORTANCE },
      ...{ now, windowMs: config.BUNDLE_WINDOW_MS, isTold },
      destinationId: (channel) => idOf(destinationOf(channel)),
    })
    await addToBundles(tx, items)
    await endMutes(tx, preferences.findWorsened(all))
    await markAssigned(tx, all, groups, { withoutRecipient, leftOut })
    return groups.length
  })
}

async function readNews(tx: Transaction, groups: readonly { group_id: string }[]): Promise<Map<string, NewsItem[]>> {
  const rows = await tx.any(sql.type(newsRow)`
    SELECT group_id, company_id, news_id, data_source_id, source_measurement_id, severity, n.kind, dedupe_key,
      subject_key, item_key, importance, previous, current, rule_id
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

async function endMutes(tx: Transaction, ids: readonly number[]): Promise<void> {
  if (ids.length > 0)
    await tx.query(sql.unsafe`DELETE FROM notifier.mute WHERE mute_id = ANY(${sql.array(ids, 'int4')})`)
}

type Reasons = { withoutRecipient: readonly [string, string][]; leftOut: ReadonlyMap<string, readonly LeftOut[]> }

async function markAssigned(
  tx: Transaction,
  news: readonly NewsItem[],
  groups: readonly { group_id: string }[],
  { withoutRecipient, leftOut }: Reasons,
): Promise<void> {
  const why = new Map(withoutRecipient)
  await tx.query(sql.unsafe`
    UPDATE notifier.news_item n SET assigned_at = now(), unheard = d.unheard, left_out = d.left_out
    FROM ${sql.unnest(
      news.map(({ news_id }) => [news_id, why.get(news_id) ?? null, JSON.stringify(leftOut.get(news_id) ?? [])]),
      ['uuid', 'text', 'jsonb'],
    )} AS d (news_id, unheard, left_out)
    WHERE n.news_id = d.news_id`)
  await tx.query(sql.unsafe`
    UPDATE notifier.news_group SET due_at = NULL
    WHERE group_id = ANY(${column(groups, 'uuid', ({ group_id }) => group_id)})`)
}
