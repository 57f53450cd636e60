import { v5 as uuidv5 } from 'uuid'
import type { Database } from '#runtime/postgres/database.ts'
import type { ServiceContext } from '#runtime/process/service.ts'
import { dayMs } from '#runtime/text/time.ts'
import { makeWhyLink } from '#runtime/web/signed-links.ts'
import { findCharts } from '../charts/series.ts'
import { type Cause, enqueueForDestinations } from '../delivery/enqueue.ts'
import { composeNews, composeOps } from '../message/compose.ts'
import type { Message, MessageChart } from '../message/message.ts'
import { rankNews } from '../message/rank-news.ts'
import type { MessageSettings } from '../message/settings.ts'
import { lockPlanning, operations } from '../plan/bundles.ts'
import { groupIntoMessages, type PlannedMessage } from '../plan/group-messages.ts'
import { attachToMessages, takeDue } from './due-items.ts'
import { type NewsItem, type OpsEvent, readNews, readOps } from './facts.ts'
import { findThreads, seriesIdOf } from './threads.ts'

/** Namespace of the ids of these messages. Never changes: a message must keep its id when a transaction is repeated. */
const namespace = 'b6f4f0c2-54d4-4a36-a8a9-5c5dd0f6b3b1'

/** Charts of one transaction, those of the most important news items: in a storm messages do not wait for pictures. */
const maxCharts = 50

/** Payloads that the trace of a message is linked with. */
const maxCauses = 32

/**
 * Turns what is due at up to `limit` destinations into messages and deliveries, in one transaction: the content and the
 * recipients of a message are committed before anything is sent. Returns how many messages that made.
 */
export async function makeMessages(
  config: MessageSettings,
  { log }: Pick<ServiceContext, 'log'>,
  database: Database,
  limit: number,
): Promise<number> {
  return database.transaction(async (tx) => {
    const now = await lockPlanning(tx)
    const planned = groupIntoMessages(await takeDue(tx, now, limit), operations)
    if (planned.length === 0) return 0
    const ids = [...new Set(planned.flatMap(({ itemIds }) => itemIds))]
    const news = await readNews(tx, ids)
    const firsts = planned.flatMap(({ itemIds }) => rankNews(itemIds.flatMap((id) => news.get(id) ?? [])).slice(0, 1))
    const charts = await findCharts(log, tx, rankNews(firsts).slice(0, maxCharts))
    const facts = { news, ops: await readOps(tx, ids), charts }
    const messages = planned.map((one) => ({
      notificationId: uuidv5(one.itemIds.join(), namespace),
      ...compose(one, facts, config, now + config.LINK_DAYS * dayMs),
      ...one,
    }))
    const companyOf = new Map([...news.values()].map(({ news_id, company_id }) => [news_id, company_id]))
    const threadOf = await findThreads(tx, messages)
    await enqueueForDestinations(
      tx,
      messages.map(({ to, ...message }) => ({
        ...message,
        tells: { items: message.itemIds.map((id) => [id, companyOf.get(id) ?? operations]) },
        to: to.map((one) => ({ ...one, follows: one.follows ?? threadOf(message.notificationId, one.destinationId) })),
      })),
    )
    await attachToMessages(tx, messages)
    return messages.length
  })
}

type Facts = { news: Map<string, NewsItem>; ops: Map<string, OpsEvent>; charts: Map<string, MessageChart> }
type Content = {
  kind: 'news' | 'ops'
  companyId: number | null
  dataSourceId: number | null
  message: Message
  seriesId: string | null
  cause: Cause | null
}

function compose(
  { itemIds, companyIds, isHeld }: PlannedMessage,
  facts: Facts,
  config: MessageSettings,
  linksUntil: number,
): Content {
  if (companyIds.includes(operations)) {
    const message = composeOps(
      itemIds.flatMap((id) => facts.ops.get(id) ?? []),
      config.MAX_LINES,
    )
    return { kind: 'ops', companyId: null, dataSourceId: null, message, seriesId: null, cause: null }
  }
  const news = itemIds.flatMap((id) => facts.news.get(id) ?? [])
  const [first] = news
  const message = composeNews(news, config.MAX_LINES, (id) => makeWhyLink(config, id, linksUntil))
  const told = facts.news.get(message.lines[0]?.newsId ?? '')
  const chart = facts.charts.get(told?.news_id ?? '')
  const isOfOne = companyIds.length === 1
  return {
    kind: 'news',
    companyId: isOfOne ? (first?.company_id ?? null) : null,
    dataSourceId: isOfOne ? (first?.data_source_id ?? null) : null,
    seriesId: told && isOfOne ? seriesIdOf(told) : null,
    cause: causeOf(news, isHeld),
    message: {
      ...message,
      lines: message.lines.map((line, index) => (index === 0 && chart ? { ...line, chart } : line)),
    },
  }
}

/** The time of a message that waited for its readers says nothing of how fast we are. */
function causeOf(news: readonly NewsItem[], isHeld: boolean): Cause {
  const received = news.flatMap(({ payload_received_at: at }) => (at === null ? [] : [at]))
  return {
    receivedAt: isHeld || received.length === 0 ? null : Math.min(...received),
    traceparents: [...new Set(news.flatMap(({ traceparent }) => traceparent ?? []))].slice(0, maxCauses),
  }
}
