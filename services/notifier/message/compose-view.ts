import { formatCount, formatList, formatTime } from '#runtime/text/format.ts'
import { clean, cut, excerpt } from '#runtime/text/shorten.ts'
import { explainChoice, type Feedback, type Parts } from './choose-things.ts'
import { type DigestNewsItem, nameOf } from './compose-digest.ts'
import type { DigestView, MessageChart, Thing } from './message.ts'
import { tellOnce } from './tell-once.ts'

export type ViewedNews = DigestNewsItem & { is_good: boolean }

/** What there is to say about a digest besides its news items. */
export type Around = {
  rhythm: string
  since: number
  until: number
  bucket: string | null
  /** How many companies the reader follows. */
  companies: number
  /** What was wrong with sources, as sentences. */
  sources: readonly string[]
}
/** What is known about the things. */
export type About = {
  feedbackOf(news: ViewedNews): Feedback
  partsOf(newsId: string): Parts | null
  pictureOf(newsId: string): MessageChart | null
  /** A row of bars. */
  barsOf(newsId: string): string | null
  fundingOf(newsId: string): readonly { name: string; value: string }[]
  linkOf(newsId: string): string | null
}

const maxName = 80
const maxText = 600
const maxShort = 120
const maxFunding = 12

/** A digest as people see it: what matters most, a line for each further company, and what else there was as counts. */
export function composeView(
  around: Around,
  { things, others }: { things: readonly ViewedNews[]; others: readonly ViewedNews[] },
  about: About,
): DigestView {
  const all = new Set([...things, ...others].map(({ company_id }) => company_id))
  const quiet = Math.max(0, around.companies - all.size)
  const bucket = around.bucket === null ? '' : ` in the bucket ${excerpt(around.bucket, maxName)}`
  return {
    headline: `Your ${around.rhythm} report${bucket}`,
    period: `${formatTime(around.since)} to ${formatTime(around.until)}`,
    summary:
      all.size === 0
        ? `All quiet: nothing at ${formatCompanies(around.companies)}.`
        : `${formatCount(things.length + others.length, 'news item')} about ${formatCompanies(all.size)}.`,
    things: things.map((one) => thingOf(one, about)),
    further: furtherOf(new Set(things.map(({ company_id }) => company_id)), others, about),
    counts: [...(quiet > 0 && all.size > 0 ? [`Nothing at ${formatCompanies(quiet)}.`] : []), ...around.sources],
  }
}

function thingOf(news: ViewedNews, about: About): Thing {
  const company = nameOf(news)
  const details = [cut(clean(news.message), maxText), ...describeFunding(about.fundingOf(news.news_id))]
  const title = cut(clean(news.title), maxText)
  const link = about.linkOf(news.news_id)
  const chart = about.pictureOf(news.news_id)
  return {
    mark: news.severity === 'info' ? '' : news.severity,
    ...(news.is_good && { isGood: true }),
    title,
    details,
    story: tellOnce({ company, title, details }, false),
    newsId: news.news_id,
    ...(link !== null && { link }),
    ...(chart !== null && { chart: { ...chart, isSmall: true } }),
    bars: about.barsOf(news.news_id),
    reason: explainChoice(news, about.partsOf(news.news_id), about.feedbackOf(news)),
  }
}

function describeFunding(facts: readonly { name: string; value: string }[]): string[] {
  if (facts.length === 0) return []
  const said = facts
    .slice(0, maxFunding)
    .map(({ name, value }) => `${excerpt(name, maxName)} ${excerpt(value, maxName)}`)
  return [`Known of the round: ${formatList(said)}.`]
}

/** First the companies of which nothing was shown, the most important first, then what else there is of the others. */
function furtherOf(
  shown: ReadonlySet<number>,
  others: readonly ViewedNews[],
  { linkOf }: About,
): DigestView['further'] {
  const byCompany = [...Map.groupBy(others, ({ company_id }) => company_id)]
  const lines = byCompany.map(([id, news]) => {
    const [first] = news as [ViewedNews]
    const company = nameOf(first)
    if (shown.has(id)) return { company, sentence: null, more: news.length, link: null }
    const title = clean(first.title) || clean(first.message)
    const { name, sentence } = tellOnce({ company, title, details: [] }, true)
    const said = name === null ? sentence : `${excerpt(name, maxName)}: ${sentence}`
    return { company, sentence: cut(said, maxShort), more: news.length - 1, link: linkOf(first.news_id) }
  })
  const isNew = ({ sentence }: (typeof lines)[number]) => sentence !== null
  return [...lines.filter(isNew), ...lines.filter((line) => !isNew(line))]
}

const formatCompanies = (count: number) => (count === 1 ? '1 company' : `${count.toLocaleString('en-US')} companies`)
