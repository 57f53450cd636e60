import { v5 as uuidv5 } from 'uuid'
import { z } from 'zod'
import { type Database, sql, type Transaction } from '#runtime/postgres/database.ts'
import { dayMs } from '#runtime/text/time.ts'
import { makeWhyLink } from '#runtime/web/signed-links.ts'
import { enqueueForDestinations } from '../delivery/enqueue.ts'
import { composeNews, composeOps } from '../message/compose.ts'
import type { Message } from '../message/message.ts'
import { followerCounts } from '../people/follower-counts.ts'
import type { MessageSettings } from '../message/settings.ts'
import { lockPlanning, operations } from './bundles.ts'
import { groupIntoMessages, type PlannedMessage } from './group-messages.ts'

/** Namespace of the ids of these messages. Never changes: a message must keep its id when a transaction is repeated. */
const namespace = 'b6f4f0c2-54d4-4a36-a8a9-5c5dd0f6b3b1'

const dueRow = z.object({
  item_id: z.string(),
  destination_id: z.number(),
  company_id: z.number(),
  is_held: z.boolean(),
  people: z.array(z.object({ id: z.number(), name: z.string(), through: z.array(z.string()).default([]) })),
})

const newsRow = z.object({
  news_id: z.string(),
  group_id: z.string(),
  group_index: z.number(),
  severity: z.enum(['info', 'warning', 'critical']),
  title: z.string(),
  message: z.string(),
  trigger_factor: z.number().nullable(),
  previous: z.string().nullable(),
  current: z.string().nullable(),
  observed_at: z.number(),
  company_id: z.number(),
  company: z.string(),
  data_source_id: z.number(),
  source: z.string(),
  importance: z.number().nullable(),
  followers: z.number(),
})
type NewsItem = z.output<typeof newsRow>

const opsRow = z.object({
  event_id: z.string(),
  kind: z.string(),
  service: z.string(),
  subject: z.string(),
  message: z.string(),
  resolved: z.boolean(),
  at: z.number(),
})
type Ops = z.output<typeof opsRow>

/**
 * Turns what is due at up to `limit` destinations into messages and deliveries, in one transaction: the content and the
 * recipients of a message are committed before anything is sent. Returns how many messages that made.
 */
export async function makeMessages(config: MessageSettings, database: Database, limit: number): Promise<number> {
  return database.transaction(async (tx) => {
    const planned = groupIntoMessages(await takeDue(tx, await lockPlanning(tx), limit), operations)
    if (planned.length === 0) return 0
    const ids = [...new Set(planned.flatMap(({ itemIds }) => itemIds))]
    const facts = { news: await readNews(tx, ids), ops: await readOps(tx, ids) }
    const linksUntil = Date.now() + config.LINK_DAYS * dayMs
    const messages = planned.map((one) => ({
      notificationId: uuidv5(one.itemIds.join(), namespace),
      ...compose(one, facts, config, linksUntil),
      ...one,
    }))
    await enqueueForDestinations(tx, messages)
    await attachToMessages(tx, messages)
    return messages.length
  })
}

type Content = { kind: 'news' | 'ops'; companyId: number | null; dataSourceId: number | null; message: Message }

function compose(
  { itemIds, companyIds }: PlannedMessage,
  facts: { news: Map<string, NewsItem>; ops: Map<string, Ops> },
  config: MessageSettings,
  linksUntil: number,
): Content {
  if (companyIds.includes(operations)) {
    const message = composeOps(
      itemIds.flatMap((id) => facts.ops.get(id) ?? []),
      config.MAX_LINES,
    )
    return { kind: 'ops', companyId: null, dataSourceId: null, message }
  }
  const news = itemIds.flatMap((id) => facts.news.get(id) ?? [])
  const [first] = news
  const isOfOne = companyIds.length === 1
  return {
    kind: 'news',
    companyId: isOfOne ? (first?.company_id ?? null) : null,
    dataSourceId: isOfOne ? (first?.data_source_id ?? null) : null,
    message: composeNews(news, config.MAX_LINES, (id) => makeWhyLink(config, id, linksUntil)),
  }
}

/** Takes everything that is due at up to `limit` destinations. Their bundles are empty after this. */
function takeDue(tx: Transaction, now: number, limit: number) {
  const time = sql.fragment`to_timestamp(${now} / 1000.0)`
  return tx.any(sql.type(dueRow)`
    WITH destination_due AS (
      SELECT destination_id FROM notifier.bundle WHERE due_at <= ${time}
      GROUP BY destination_id ORDER BY min(due_at), destination_id LIMIT ${limit}
    ), due AS (
      SELECT destination_id, company_id, is_held FROM notifier.bundle JOIN destination_due USING (destination_id) WHERE due_at <= ${time}
    ), taken AS (
      UPDATE notifier.bundle b SET due_at = NULL, is_held = false, told_at = ${time}
      FROM due WHERE b.destination_id = due.destination_id AND b.company_id = due.company_id
    )
    SELECT item_id, destination_id, company_id, is_held, people
    FROM due JOIN notifier.item_delivery USING (destination_id, company_id)
    WHERE notification_id IS NULL AND kept_back IS NULL
    ORDER BY destination_id, company_id, item_id`)
}

async function readNews(tx: Transaction, ids: readonly string[]): Promise<Map<string, NewsItem>> {
  const rows = await tx.any(sql.type(newsRow)`
    SELECT news_id, group_id, group_index, severity, n.title, n.message, trigger_factor, previous, current, observed_at,
      g.company_id, coalesce(c.name, 'company ' || g.company_id) AS company,
      g.data_source_id, coalesce(s.source_name, 'source ' || g.data_source_id) AS source,
      importance, coalesce(f.followers, 0) AS followers
    FROM notifier.news_item n JOIN notifier.news_group g USING (group_id)
    LEFT JOIN public.company c ON c.id = g.company_id
    LEFT JOIN public.data_source s ON s.id = g.data_source_id
    LEFT JOIN ${followerCounts} f ON f.company_id = g.company_id
    WHERE news_id = ANY(${sql.array(ids, 'uuid')})`)
  return new Map(rows.map((row) => [row.news_id, row]))
}

async function readOps(tx: Transaction, ids: readonly string[]): Promise<Map<string, Ops>> {
  const rows = await tx.any(sql.type(opsRow)`
    SELECT event_id, kind, service, subject, message, resolved, at FROM notifier.ops_event
    WHERE event_id = ANY(${sql.array(ids, 'uuid')})`)
  return new Map(rows.map((row) => [row.event_id, row]))
}

type Attached = { notificationId: string; itemIds: readonly string[]; to: readonly { destinationId: number }[] }

async function attachToMessages(tx: Transaction, messages: readonly Attached[]): Promise<void> {
  const rows = messages.flatMap(({ notificationId, itemIds, to }) =>
    to.flatMap(({ destinationId }) => itemIds.map((itemId) => [notificationId, itemId, destinationId])),
  )
  await tx.query(sql.unsafe`
    UPDATE notifier.item_delivery i SET notification_id = d.notification_id
    FROM ${sql.unnest(rows, ['uuid', 'uuid', 'int4'])} AS d (notification_id, item_id, destination_id)
    WHERE i.item_id = d.item_id AND i.destination_id = d.destination_id`)
}
