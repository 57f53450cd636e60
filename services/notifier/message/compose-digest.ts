import { formatTime } from '#runtime/text/format.ts'
import { clean, cut, excerpt } from '#runtime/text/shorten.ts'
import type { Line, LineFacts, Message } from './message.ts'
import { byImportance, type RankedNews } from './rank-news.ts'

/** The fields of a news item that a digest needs. */
export type DigestNewsItem = RankedNews & {
  news_id: string
  company_id: number
  /** Null: the company was deleted. */
  company: string | null
  title: string
  message: string
  observed_at: number
  facts?: LineFacts
}

export type Digest = {
  /** As in "your daily report". */
  rhythm: string
  /** The digest covers news items stored after `since` and up to `until`, ms since 1970. */
  since: number
  until: number
  /** Name of the bucket; null: all companies that the reader follows. */
  bucket: string | null
  /** At least one. */
  news: readonly DigestNewsItem[]
}

/** What a digest shows with a news item. */
export type Extras = {
  /** A chart of its series; null: there is none. */
  chartOf(newsId: string): string | null
  /** For a funding round, what else is known about it. */
  fundingOf(newsId: string): readonly { name: string; value: string }[]
  /** The page that explains it; null: there is none. */
  linkOf(newsId: string): string | null
}

const maxName = 80
/** Leaves room for the number of the part. */
const maxSubject = 120
const maxText = 600
const maxValue = 200
/** A funding round has about a dozen measurements. */
const maxFunding = 30

/**
 * Composes a digest as one message, by company, the most important first. Beyond `maxLines` news items, the least
 * important are only counted. If a company has several news items about a funding round, the first one stands for all
 * of them, with what else is known about the round (contract section 15.1).
 */
export function composeDigest(digest: Digest, extras: Extras, maxLines: number): Message {
  const count = digest.news.length
  const shown = digest.news.toSorted(byPlace).slice(0, maxLines)
  // In the order of their most important news items.
  const companies = [...Map.groupBy(shown, ({ company_id }) => company_id).values()]
  const all = new Set(digest.news.map(({ company_id }) => company_id)).size
  const named = all === 1 ? nameOf(shown[0] as DigestNewsItem) : `${all} companies`
  const about = digest.bucket === null ? named : `${named} in the bucket ${excerpt(digest.bucket, maxName)}`
  return {
    subject: cut(
      `Your ${digest.rhythm} report: ${count} news item${count === 1 ? '' : 's'} about ${about}`,
      maxSubject,
    ),
    context: `${formatTime(digest.since)} to ${formatTime(digest.until)}`,
    lines: companies.flatMap((news) => linesOf(news, extras)),
    rest: count > shown.length ? `… and ${count - shown.length} more.` : '',
    topic: { kind: 'company', name: about },
    trace: '',
  }
}

function linesOf(news: readonly DigestNewsItem[], { chartOf, fundingOf, linkOf }: Extras): Line[] {
  const [funding, ...furtherFunding] = news.filter(isFunding)
  const charts = new Set<string>()
  return news
    .filter((one) => !furtherFunding.includes(one))
    .map((one, index): Line => {
      const link = linkOf(one.news_id)
      const chart = chartOf(one.news_id)
      const isNew = chart !== null && !charts.has(chart)
      if (isNew) charts.add(chart)
      return {
        ...(index === 0 && { heading: nameOf(one) }),
        mark: one.severity === 'info' ? '' : one.severity,
        title: cut(clean(one.message) || clean(one.title), maxText),
        details: [
          ...(one === funding ? describeFunding(fundingOf(one.news_id), furtherFunding.length) : []),
          ...(isNew ? [chart] : []),
        ],
        ...(link !== null && { link }),
        ...(one.facts && { facts: one.facts }),
      }
    })
}

function describeFunding(facts: readonly { name: string; value: string }[], further: number): string[] {
  const lines = facts
    .slice(0, maxFunding)
    .map(({ name, value }) => `- ${excerpt(name, maxName)} - ${excerpt(value, maxValue)}`)
  return further > 0
    ? [...lines, `… and ${further} more news item${further === 1 ? '' : 's'} about its funding rounds`]
    : lines
}

/** Whether a news item is about a funding round. */
export function isFunding({ message }: Pick<DigestNewsItem, 'message'>): boolean {
  return /funding round/i.test(message)
}

/** The company of a news item, by its id where it has no name. */
export function nameOf({ company, company_id }: DigestNewsItem): string {
  return excerpt(company ?? '', maxName) || `company ${company_id}`
}

function byPlace(a: DigestNewsItem, b: DigestNewsItem): number {
  return byImportance(a, b) || b.observed_at - a.observed_at || (a.news_id < b.news_id ? -1 : 1)
}
