import { formatChange, formatTime } from '#runtime/text/format.ts'
import { clean, cut, excerpt } from '#runtime/text/shorten.ts'
import type { News, OpsEvent } from '#schemas/generated/types.ts'
import type { Line, LineFacts, Message } from './message.ts'
import { rankNews, type RankedNews } from './rank-news.ts'
import { tellOnce } from './tell-once.ts'

/** The fields of a news item that composing needs. */
export type NewsItem = Pick<
  News,
  | 'news_id'
  | 'group_index'
  | 'severity'
  | 'title'
  | 'message'
  | 'trigger_factor'
  | 'previous'
  | 'current'
  | 'observed_at'
  | 'group_id'
> & {
  company_id: number
  /** Names. */
  company: string
  source: string
  facts?: LineFacts
  /** Whether what happened is good for the company. */
  is_good?: boolean
} & RankedNews
/** A recipient, and what they follow that covers the message, as in "follows acme". */
type NamedRecipient = { name: string; through?: readonly string[] }
export type OpsFacts = Pick<OpsEvent, 'kind' | 'service' | 'subject' | 'message' | 'resolved' | 'at'> & {
  facts?: LineFacts
  /** How the incident that it opened ended. */
  end?: Pick<OpsEvent, 'message' | 'at'>
}

const maxName = 80
const maxSubject = 140
const maxTitle = 160
const maxDetail = 600
const maxValue = 200

/**
 * Composes one message for the news items of one or more companies, the most important first, at most `maxLines` of
 * them. `news` has at least one. `linkOf` returns the page that explains a news item; null: there is none.
 */
export function composeNews(
  news: readonly NewsItem[],
  maxLines: number,
  linkOf: (newsId: string) => string | null,
): Message {
  const ranked = rankNews(news)
  const shown = ranked.slice(0, maxLines)
  const [first] = ranked as [NewsItem]
  const companies = [...new Map(ranked.map((one) => [one.company_id, excerpt(one.company, maxName)])).values()]
  const isOne = companies.length === 1
  const subject = subjectOf(companies, excerpt(first.title, maxTitle), ranked.length)
  return {
    subject: cut(subject, maxSubject),
    ...(ranked.length > 1 && { headline: cut(headlineOf(companies, ranked.length), maxSubject) }),
    context: `${enumerate([...new Set(ranked.map(({ source }) => excerpt(source, maxName)))])}, seen ${formatTime(Math.max(...ranked.map((one) => one.observed_at)))}`,
    lines: shown.map((one) => lineOf(one, linkOf(one.news_id), { isOne, isAlone: ranked.length === 1 })),
    rest: restOf(ranked.length - shown.length),
    topic: { kind: 'company', name: enumerate(companies) },
    trace: traceOf(shown, shown.length > 1 && linkOf(first.news_id) !== null),
  }
}

/** `isOne`: all are about one company. `isAlone`: there is no other. */
function lineOf(news: NewsItem, link: string | null, { isOne, isAlone }: { isOne: boolean; isAlone: boolean }): Line {
  const company = excerpt(news.company, maxName)
  const title = clean(news.title)
  const details = describeNews(news)
  return {
    mark: news.severity === 'info' ? '' : news.severity,
    title: cut(isOne ? title : withCompany(company, title), maxTitle),
    details,
    story: tellOnce({ company, title, details }, isOne && !isAlone),
    newsId: news.news_id,
    ...(news.is_good && { isGood: true }),
    ...(link !== null && { link }),
    ...(news.facts && { facts: news.facts }),
  }
}

function subjectOf(companies: readonly string[], headline: string, count: number): string {
  if (companies.length > 1) return `${headlineOf(companies, count)}: ${companies.join(', ')}`
  const company = companies[0]!
  return count === 1
    ? withCompany(company, headline)
    : `${headlineOf(companies, count)}, ${withoutCompany(company, headline)}`
}

function headlineOf(companies: readonly string[], count: number): string {
  return companies.length > 1
    ? `${count} changes at ${companies.length} companies`
    : `${companies[0]}: ${count} changes`
}

/** Headlines begin with their company, as in "acme/app: stars rose"; those stored before did not. */
function withCompany(company: string, headline: string): string {
  return namesCompany(company, headline) ? headline : `${company}: ${headline}`
}

function withoutCompany(company: string, headline: string): string {
  return namesCompany(company, headline) ? headline.slice(company.length).replace(/^(?:: ?| ?\/ ?)/, '') : headline
}

function namesCompany(company: string, headline: string): boolean {
  return headline.toLowerCase().startsWith(company.toLowerCase()) && /^(?:: | ?\/)/.test(headline.slice(company.length))
}

/**
 * The ids of the events and news items. If every line has a link, the news items' ids are left out: the links have
 * them.
 */
function traceOf(news: readonly NewsItem[], isLinked: boolean): string {
  const groups = [...new Set(news.map(({ group_id }) => group_id))]
  const events = `Event${groups.length > 1 ? 's' : ''} ${groups.join(', ')}`
  const items = `news item${news.length > 1 ? 's' : ''} ${news.map(({ news_id }) => news_id).join(', ')}`
  return isLinked ? events : `${events}, ${items}`
}

const bySubject = new Intl.Collator('en', { numeric: true })

/** Composes one message for operational events, open incidents first. `events` has at least one. */
export function composeOps(events: readonly OpsFacts[], maxLines: number): Message {
  const ranked = events
    .map((one) => ({ ...one, resolved: one.resolved || one.end !== undefined }))
    .toSorted(
      (a, b) => Number(a.resolved) - Number(b.resolved) || a.at - b.at || bySubject.compare(a.subject, b.subject),
    )
  const shown = ranked.slice(0, maxLines)
  const [first] = ranked as [OpsFacts]
  const open = ranked.filter(({ resolved }) => !resolved).length
  const headline = `${first.resolved ? 'resolved: ' : ''}${clean(first.subject)}, ${clean(first.kind)}`
  return {
    subject: cut(
      ranked.length === 1 ? `Operations: ${headline}` : `Operations: ${ranked.length} events, ${headline}`,
      maxSubject,
    ),
    context: `${open} open, ${ranked.length - open} resolved, as of ${formatTime(Math.max(...ranked.map(({ at, end = { at } }) => Math.max(at, end.at))))}`,
    lines: shown.map(({ kind, service, subject, message, resolved, at, end, facts }) => ({
      mark: resolved ? 'resolved' : '',
      title: cut(`${clean(kind)}: ${clean(subject)}`, maxTitle),
      details: [
        excerpt(message, maxDetail),
        ...(end ? [`Over since ${formatTime(end.at)}: ${excerpt(end.message, maxDetail)}`] : []),
        `${excerpt(service, maxName)}, ${formatTime(at)}`,
      ],
      ...(facts && { facts }),
    })),
    rest: restOf(ranked.length - shown.length),
    topic: { kind: 'operations', name: 'operations' },
    trace: '',
  }
}

/** A sentence that says why the recipients at one destination get the message. */
export function explainWhy({ topic }: Message, people: readonly NamedRecipient[]): string {
  const names = (some: readonly NamedRecipient[]) => enumerate(some.map(({ name }) => excerpt(name, maxName)))
  if (topic.kind === 'operations')
    return `You get this because ${names(people)} ${people.length === 1 ? 'is an administrator' : 'are administrators'}.`
  if (topic.kind === 'sign-in') return 'You get this because somebody asked to sign in with this address.'
  if (topic.kind === 'test') return 'You get this because someone is testing this channel.'
  if (topic.kind === 'channel') return `You get this because messages for ${names(people)} go to ${topic.name}.`
  const followed = ({ through = [] }: NamedRecipient) =>
    through.length > 0 ? enumerate(through.map((what) => excerpt(what, maxName))) : topic.name
  const parts = [...Map.groupBy(people, followed)].map(
    ([what, some]) => `${names(some)} ${some.length === 1 ? 'follows' : 'follow'} ${what}`,
  )
  return `You get this because ${parts.slice(0, 3).join('; ')}${parts.length > 3 ? `; and ${parts.length - 3} more` : ''}.`
}

const list = new Intl.ListFormat('en-GB')

/** The first three, and how many more: a, b and c; a, b, c and 2 more. */
function enumerate(texts: readonly string[]): string {
  const more = texts.length - 3
  return list.format(more > 0 ? [...texts.slice(0, 3), `${more} more`] : texts)
}

function describeNews({ message, previous, current, trigger_factor: factor }: NewsItem): string[] {
  const said = excerpt(message, maxDetail)
  const values = [previous, current].map((value) => (value === null ? null : excerpt(value, maxValue)))
  if (values.every((value) => value === null || mentions(said, value))) return [said]
  const change = values.map((value) => value ?? 'nothing').join(' → ')
  return [said, factor === null || !Number.isFinite(factor) ? change : `${change} (${formatChange(factor)})`]
}

/** Whether `text` has `value` as a word of its own: 1 is not in 100. */
function mentions(text: string, value: string): boolean {
  const ends = text.split(value)
  return ends
    .slice(1)
    .some((after, index) => !/[\p{L}\p{N}.,]$/u.test(ends[index] ?? '') && !/^[.,]?[\p{L}\p{N}]/u.test(after))
}

function restOf(count: number): string {
  return count > 0 ? `… and ${count} more.` : ''
}
