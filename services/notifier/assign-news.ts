import { z } from 'zod'
import { type Database, sql, type Transaction } from '#runtime/postgres.ts'
import { addressOf, asPerson, joinPeople } from './address.ts'
import { findFollowers, type Member } from './audience.ts'
import { addToBundles, type Item, lockSealing } from './bundle-store.ts'
import type { Config } from './config.ts'
import { endOfWindow } from './decide-when.ts'
import { findDestinations } from './draft-store.ts'

const groupRow = z.object({ group_id: z.string(), company_id: z.number(), data_source_id: z.number() })
const newsRow = groupRow.extend({
  news_id: z.string(),
  severity: z.enum(['info', 'warning', 'critical']),
  kind: z.string(),
  dedupe_key: z.string(),
})
type News = z.output<typeof newsRow>

/**
 * Decides for the news of due groups who hears each of them, where and when, and writes it in one transaction. Returns how
 * many groups there were.
 */
export async function assignNews(database: Database, config: Config): Promise<number> {
  return database.transaction(async (tx) => {
    const now = await lockSealing(tx)
    const groups = await tx.any(sql.type(groupRow)`
      SELECT group_id, company_id, data_source_id FROM notifier.news_group
      WHERE due_at <= now() ORDER BY due_at LIMIT ${config.ASSIGN_BATCH} FOR UPDATE SKIP LOCKED`)
    if (groups.length === 0) return 0
    const ids = sql.array(
      groups.map(({ group_id }) => group_id),
      'uuid',
    )
    const news = await tx.any(sql.type(newsRow)`
      SELECT group_id, company_id, data_source_id, news_id, severity, n.kind, dedupe_key
      FROM notifier.news_item n JOIN notifier.news_group USING (group_id)
      WHERE group_id = ANY(${ids}) AND assigned_at IS NULL
      ORDER BY group_id, group_index`)
    const companies = [...new Set(groups.map(({ company_id }) => company_id))]
    const members = await findFollowers(tx, companies, config.STRICT_CHANNEL_PURPOSE)
    const items = await place(tx, news, members, (bundle, { severity }) =>
      endOfWindow(bundle, { isCritical: severity === 'critical', now, windowMs: config.BUNDLE_WINDOW_MS }),
    )
    await addToBundles(tx, items)
    await markAssigned(tx, news)
    await tx.query(sql.unsafe`UPDATE notifier.news_group SET due_at = NULL WHERE group_id = ANY(${ids})`)
    return groups.length
  })
}

/** Each news at each destination where somebody hears it. */
async function place(
  tx: Transaction,
  news: readonly News[],
  members: readonly Member[],
  opensAt: (bundle: Parameters<Item['opensAt']>[0], one: News) => number,
): Promise<Item[]> {
  const places = members.map(addressOf)
  const idOf = await findDestinations(tx, places)
  const hearers = members.map((member, index) => ({ member, destinationId: idOf(places[index]!) }))
  const byCompany = Map.groupBy(hearers, ({ member }) => member.company_id)
  return news.flatMap((one) =>
    [...Map.groupBy(byCompany.get(one.company_id) ?? [], ({ destinationId }) => destinationId)].map(
      ([destinationId, some]): Item => ({
        itemId: one.news_id,
        companyId: one.company_id,
        destinationId,
        people: joinPeople(some.map(({ member }) => asPerson(member))),
        patience: some.map(() => (at: number) => at),
        opensAt: (bundle) => opensAt(bundle, one),
        keptBack: null,
      }),
    ),
  )
}

async function markAssigned(tx: Transaction, news: readonly News[]): Promise<void> {
  await tx.query(sql.unsafe`
    UPDATE notifier.news_item SET assigned_at = now()
    WHERE news_id = ANY(${sql.array(
      news.map(({ news_id }) => news_id),
      'uuid',
    )})`)
}
