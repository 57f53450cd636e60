import type { Database } from '#runtime/postgres/database.ts'
import { dayMs } from '#runtime/text/time.ts'
import { makeWhyLink } from '#runtime/web/signed-links.ts'
import { composeDigest } from '../message/compose-digest.ts'
import { drawSeries } from '../charts/draw-series.ts'
import { type NewsItem, pickNews, readFunding, readNewsItems, readSeries } from './news.ts'
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
  connection: Pick<Database, 'any'>,
  due: readonly DueDigest[],
): Promise<ComposedDigest[]> {
  const picked = await pickNews(connection, due)
  const items = await readNewsItems(connection, [...new Set([...picked.values()].flat())])
  const until = Math.max(...due.map((one) => one.until))
  const all = [...items.values()]
  const series = await readSeries(connection, all, { from: until - chartDays * dayMs, until })
  const funding = await readFunding(connection, all)
  const readers = await findReaderChannels(connection, due, config.STRICT_CHANNEL_PURPOSE)
  const extras = {
    chartOf: (id: string) => {
      const found = series.get(id)
      return found ? drawSeries(found) : null
    },
    fundingOf: (id: string) => funding.get(id) ?? [],
    linkOf: (id: string) => makeWhyLink(config, id, until + config.LINK_DAYS * dayMs),
  }
  return due.map((one): ComposedDigest => {
    const news = (picked.get(one) ?? []).map((id) => items.get(id)).filter((found) => found !== undefined)
    return {
      due: one,
      message: news.length > 0 ? composeDigest({ ...one, news }, extras, maxLines) : null,
      news: news.map(({ news_id }) => news_id),
      companies: companiesOf(news),
      channels: readers.get(one) ?? [],
    }
  })
}

function companiesOf(news: readonly NewsItem[]): ComposedDigest['companies'] {
  const names = new Map(news.map(({ company_id, company }) => [company_id, company ?? `company ${company_id}`]))
  return [...names].map(([id, name]) => ({ id, name }))
}
