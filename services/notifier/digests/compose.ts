import type { Database } from '#runtime/postgres/database.ts'
import type { Log } from '#runtime/process/log.ts'
import { formatList } from '#runtime/text/format.ts'
import { excerpt } from '#runtime/text/shorten.ts'
import { dayMs } from '#runtime/text/time.ts'
import { makeWhyLink } from '#runtime/web/signed-links.ts'
import { drawSeries } from '../charts/draw-series.ts'
import { findCharts } from '../charts/series.ts'
import { chooseThings } from '../message/choose-things.ts'
import { composeDigest } from '../message/compose-digest.ts'
import { composeView } from '../message/compose-view.ts'
import type { Message } from '../message/message.ts'
import { countCompanies, pickNews, readTroubles, type Trouble } from './followed.ts'
import { type NewsItem, readFunding, readNewsItems, readSeries } from './news.ts'
import { readFeedback, readParts } from './opinions.ts'
import type { DueDigest } from './policies.ts'
import type { DigestSettings } from './settings.ts'
import { type ComposedDigest, findReaderChannels } from './store.ts'

/** Days that charts show. */
const chartDays = 56
/** News items listed in one digest, the most important ones. */
const maxLines = 500

/** Composes these digests, with the channels of their readers. Writes nothing. */
export async function composeDigests(
  config: DigestSettings,
  log: Log,
  connection: Pick<Database, 'any' | 'transaction'>,
  due: readonly DueDigest[],
): Promise<ComposedDigest[]> {
  const picked = await pickNews(connection, due)
  const items = await readNewsItems(connection, [...new Set([...picked.values()].flat())])
  const newsOf = (one: DueDigest) =>
    (picked.get(one) ?? []).map((id) => items.get(id)).filter((found) => found !== undefined)
  const feedback = await readFeedback(connection, due)
  const chosen = new Map(due.map((one) => [one, chooseThings(newsOf(one), (news) => feedback(one, news))]))
  const things = [...new Set([...chosen.values()].flatMap((one) => one.things))]
  const pictures = await findCharts(log, connection, things)
  const parts = await readParts(
    connection,
    things.map(({ news_id }) => news_id),
  )
  const until = Math.max(...due.map((one) => one.until))
  const all = [...items.values()]
  const series = await readSeries(connection, all, { from: until - chartDays * dayMs, until })
  const funding = await readFunding(connection, all)
  const readers = await findReaderChannels(connection, due, config.STRICT_CHANNEL_PURPOSE)
  const companiesOf = await countCompanies(connection, due)
  const troublesOf = await readTroubles(connection, due)
  const barsOf = (id: string) => {
    const found = series.get(id)
    return found ? drawSeries(found) : null
  }
  const known = {
    ...{ barsOf, chartOf: barsOf, fundingOf: (id: string) => funding.get(id) ?? [] },
    linkOf: (id: string) => makeWhyLink(config, id, until + config.LINK_DAYS * dayMs),
    partsOf: (id: string) => parts.get(id) ?? null,
    pictureOf: (id: string) => pictures.get(id) ?? null,
  }

  function compose(one: DueDigest, news: readonly NewsItem[]): Message | null {
    const companies = companiesOf(one)
    if (news.length === 0 && !(one.all_quiet && companies > 0)) return null
    const around = { ...one, companies, sources: troublesOf(one).map(describeTrouble) }
    const about = { ...known, feedbackOf: (item: NewsItem) => feedback(one, item) }
    const digest = composeView(around, chosen.get(one)!, about)
    if (news.length > 0) return { ...composeDigest({ ...one, news }, known, maxLines), digest }
    return {
      ...{ subject: `${digest.headline}: all quiet`, context: digest.period, lines: [], rest: digest.summary },
      ...{ topic: { kind: 'company', name: `${companies} companies` }, trace: '', digest },
    }
  }

  return due.map((one): ComposedDigest => {
    const news = newsOf(one)
    return {
      due: one,
      message: compose(one, news),
      news: news.map(({ news_id }) => news_id),
      companies: namesOf(news),
      channels: readers.get(one) ?? [],
    }
  })
}

const troubles = {
  'source-down': ['was down for a time', 'were down for a time'],
  stale: ['was silent for longer than usual', 'were silent for longer than usual'],
  'suspect-run': ['gave data that looks wrong', 'gave data that looks wrong'],
}

function describeTrouble({ kind, sources }: Trouble): string {
  const [one, several] = troubles[kind] as [string, string]
  const names = sources.map((name) => excerpt(name, 80))
  return `${formatList(names, 5)} ${names.length === 1 ? one : several}.`
}

function namesOf(news: readonly NewsItem[]): ComposedDigest['companies'] {
  const names = new Map(news.map(({ company_id, company }) => [company_id, company ?? `company ${company_id}`]))
  return [...names].map(([id, name]) => ({ id, name }))
}
