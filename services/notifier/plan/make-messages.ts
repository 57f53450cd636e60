import { v5 as uuidv5 } from 'uuid'
import { z } from 'zod'
import { type Database, sql, type Transaction } from '#runtime/postgres/database.ts'
import type { ServiceContext } from '#runtime/process/service.ts'
import { excerpt } from '#runtime/text/shorten.ts'
import { dayMs } from '#runtime/text/time.ts'
import { makeWhyLink } from '#runtime/web/signed-links.ts'
import { enqueueForDestinations } from '../delivery/enqueue.ts'
import type { MessageChart } from '../message/chart.ts'
import { composeNews, composeOps } from '../message/compose.ts'
import type { Message } from '../message/message.ts'
import { rankNews } from '../message/rank-news.ts'
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
export async function makeMessages(
  config: MessageSettings,
  context: Pick<ServiceContext, 'log'>,
  database: Database,
  limit: number,
): Promise<number> {
  return database.transaction(async (tx) => {
    const planned = groupIntoMessages(await takeDue(tx, await lockPlanning(tx), limit), operations)
    if (planned.length === 0) return 0
    const ids = [...new Set(planned.flatMap(({ itemIds }) => itemIds))]
    const news = await readNews(tx, ids)
    const firsts = planned.flatMap(({ itemIds }) => rankNews(itemIds.flatMap((id) => news.get(id) ?? [])).slice(0, 1))
    const facts = { news, ops: await readOps(tx, ids), charts: await findCharts(context, tx, firsts) }
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
  facts: { news: Map<string, NewsItem>; ops: Map<string, Ops>; charts: Map<string, MessageChart> },
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
  const chart = facts.charts.get(rankNews(news)[0]?.news_id ?? '')
  const isOfOne = companyIds.length === 1
  return {
    kind: 'news',
    companyId: isOfOne ? (first?.company_id ?? null) : null,
    dataSourceId: isOfOne ? (first?.data_source_id ?? null) : null,
    message: {
      ...composeNews(news, config.MAX_LINES, (id) => makeWhyLink(config, id, linksUntil)),
      ...(chart && { chart }),
    },
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

/** Values of a chart, and values of the same list among which they are looked for. */
const [most, mostRead] = [150, 10_000]
/** Charts of one transaction, those of the most important news items: in a storm messages do not wait for pictures. */
const maxCharts = 50

const chartRow = z.object({
  news_id: z.string(),
  item_key: z.string().nullable(),
  measurement: z.string(),
  points: z.array(z.tuple([z.number(), z.number()])),
})

/**
 * The charts of these news items, by news id: their series up to them. A series with several subjects has none: their
 * values would alternate. When they cannot be read, there are none: messages do not wait for them.
 */
async function findCharts(
  { log }: Pick<ServiceContext, 'log'>,
  tx: Transaction,
  news: readonly NewsItem[],
): Promise<Map<string, MessageChart>> {
  const byId = new Map(news.map((one) => [one.news_id, one]))
  if (byId.size === 0) return new Map()
  const ids = rankNews([...byId.values()]).map(({ news_id }) => news_id)
  try {
    // What fails here must not undo the rest.
    const rows = await tx.transaction((inner) => readCharts(inner, ids.slice(0, maxCharts)))
    return new Map(
      rows.map(({ news_id, item_key, measurement, points }) => {
        const { company = '', title = '' } = byId.get(news_id) ?? {}
        const name = item_key === null ? company : `${company}/${item_key}`
        return [
          news_id,
          { title: excerpt(`${name}: ${measurement}`, maxTitle), mark: excerpt(title, maxTitle), points },
        ]
      }),
    )
  } catch (error) {
    log.warn({ error }, 'series_not_read')
    return new Map()
  }
}
const maxTitle = 160

function readCharts(tx: Transaction, ids: readonly string[]) {
  return tx.any(sql.type(chartRow)`
    SELECT DISTINCT ON (n.news_id) n.news_id, n.item_key, m.measurement_name AS measurement, v.points
    FROM notifier.news_item n JOIN notifier.news_group g USING (group_id)
    JOIN public.source_measurement m ON m.id = n.source_measurement_id
    JOIN public.company_source_measurement c
      ON c.source_measurement_id = n.source_measurement_id AND c.company_id = g.company_id
    CROSS JOIN LATERAL (
      SELECT json_agg(json_build_array(at, number) ORDER BY at, event_no, seq) AS points
      FROM (
        SELECT (extract(epoch FROM observed_at) * 1000)::float8 AS at, number, event_no, seq, subject_key
        FROM (
          SELECT observed_at, number, event_no, seq, subject_key, item_key FROM normalizer.value
          WHERE company_measurement_id = c.company_measurement_id AND observed_at <= n.observed_at
          ORDER BY observed_at DESC LIMIT ${mostRead}
        ) newest
        WHERE item_key IS NOT DISTINCT FROM n.item_key AND number IS NOT NULL
        ORDER BY observed_at DESC, event_no DESC, seq DESC LIMIT ${most}
      ) own
      HAVING count(*) >= 3 AND count(DISTINCT subject_key) = 1
    ) v
    WHERE n.news_id = ANY(${sql.array(ids, 'uuid')})
    ORDER BY n.news_id, c.company_measurement_id`)
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
