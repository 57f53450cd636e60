import { capitalize, formatCount } from '#runtime/text/format.ts'
import { excerpt } from '#runtime/text/shorten.ts'
import type { NewsPage } from '../ask/news.ts'
import { choice, filterForm } from '../design/forms.ts'
import { html, type Html } from '../design/html.ts'
import { empty, foreign, morePages, severity, type Step, withQuery } from '../design/parts.ts'
import { day, time } from '../design/time.ts'
import type { NewsPageQuery } from './news-query.ts'
import type { Feedback, NewsView, Option } from './read-news-page.ts'

type Item = NewsPage['news'][number]

export type NewsMain = {
  query: NewsPageQuery
  view: NewsView
  zone: string
  /** When the page was made, ISO: what came later is not on it. */
  at: string
  /** Whether the viewer is a person, who can mark, snooze and mute. */
  isPerson: boolean
}

/** The news page below its heading. */
export function newsMain(given: NewsMain): Html {
  const { query, view, zone } = given
  const { news, next, company } = view
  const back = addressOf(query)
  return html`${intro(given)}
${company && html`<p>Only <a href="/console/companies/${company.id}">${foreign(company.name)}</a>. <a href="${addressOf({ ...query, company: undefined })}">Show all companies</a></p>`}
${filters(query, view)}
${news.length === 0 ? nothing(query, view, zone) : groupByCompany(news).map((group) => companyGroup(group, given, back))}
${morePages(next === null ? null : addressOf({ ...query, cursor: next }))}`
}

/** The address of the page with these filters. Defaults are left out. */
function addressOf({ change: _, ...query }: NewsPageQuery): string {
  const { since, order, show, ...others } = query
  return withQuery('/console', {
    ...others,
    since: since === 'visit' ? undefined : since,
    order: order === 'best' ? undefined : order,
    show: show === 'open' ? undefined : show,
  })
}

const periods = {
  visit: 'my last visit',
  day: 'yesterday',
  week: 'a week ago',
  month: '30 days ago',
  year: 'a year ago',
}

function intro({ query, view, zone, at, isPerson }: NewsMain): Html {
  const { news, next, start, isVisit } = view
  const what = isVisit ? html`since your last visit on ${time(start, zone)}` : html`since ${day(start, zone)}`
  const count = next === null && query.cursor === undefined ? formatCount(news.length, 'news item') : 'News items'
  const seen =
    isPerson &&
    news.length > 0 &&
    query.since === 'visit' &&
    html` <form class="inline" method="post" action="/console/seen"><input type="hidden" name="until" value="${at}"><button class="quiet">I have seen these</button></form>`
  const order = query.order === 'best' ? 'the most important first' : 'the newest first'
  return html`<div class="intro"><p class="muted">${count} ${what}, ${order}.</p>${seen}</div>`
}

const toOption = ({ id, name }: Option) => ({ value: String(id), text: excerpt(name, 60) })

function filters(query: NewsPageQuery, { buckets, sources, isFollowed, counts }: NewsView): Html {
  const chosen = query.bucket === undefined ? (isFollowed ? 'followed' : 'all') : undefined
  const fields = [
    counts.followed > 0 &&
      choice(
        'companies',
        'Companies',
        [
          { value: 'followed', text: `I follow (${counts.followed})` },
          { value: 'all', text: `All I may see (${counts.visible})` },
        ],
        query.companies ?? chosen,
      ),
    buckets.length > 0 &&
      choice('bucket', 'Bucket', [{ value: '', text: 'Any' }, ...buckets.map(toOption)], query.bucket?.toString()),
    choice(
      'since',
      'Since',
      Object.entries(periods).map(([value, text]) => ({ value, text })),
      query.since,
    ),
    choice(
      'severity',
      'Severity',
      ['', 'info', 'warning', 'critical'].map((value) => ({ value, text: value || 'Any' })),
      query.severity,
    ),
    choice('source', 'Source', [{ value: '', text: 'Any' }, ...sources.map(toOption)], query.source?.toString()),
    choice(
      'order',
      'Order',
      [
        { value: 'best', text: 'Most important first' },
        { value: 'newest', text: 'Newest first' },
      ],
      query.order,
    ),
    choice(
      'show',
      'Show',
      [
        { value: 'open', text: 'What is open' },
        { value: 'all', text: 'Also done and snoozed' },
      ],
      query.show,
    ),
    query.company !== undefined && html`<input type="hidden" name="company" value="${query.company}">`,
  ]
  const count = ['bucket', 'severity', 'source', 'companies'].filter((name) => query[name as 'bucket'] !== undefined)
  return html`<details class="filter-box"${count.length > 0 && html` open`}><summary>Filters</summary>${filterForm('/console', fields)}</details>`
}

/** Why there is nothing, and the one next step. */
function nothing(query: NewsPageQuery, { start, isVisit, isFollowed, counts }: NewsView, zone: string): Html {
  if (query.cursor !== undefined) return empty('No more news', 'This was the last page.', toNews)
  if (counts.visible === 0)
    return empty(
      'No companies yet',
      'You see news of the companies in your buckets and of those that you follow. There are none yet.',
      { text: 'Choose companies', href: '/console/me#follow' },
    )
  const isFiltered = [query.bucket, query.company, query.severity, query.source].some((value) => value !== undefined)
  if (isFiltered)
    return empty('No news with these filters', 'There is no news item in this time that fits all filters.', toNews)
  const quiet = html`All quiet since ${isVisit ? time(start, zone) : day(start, zone)} at ${companies(isFollowed ? counts.followed : counts.visible)}.`
  const longer: Step | undefined =
    query.since === 'year'
      ? undefined
      : query.since === 'month'
        ? { text: 'Show a year', href: addressOf({ ...query, since: 'year' }) }
        : { text: 'Show the last 30 days', href: addressOf({ ...query, since: 'month' }) }
  return empty('All quiet', quiet, longer)
}

const companies = (count: number) => `${count} ${count === 1 ? 'company' : 'companies'}`

const toNews: Step = { text: 'Show the news', href: '/console' }

/** In the order of each company's first news item. */
function groupByCompany(news: readonly Item[]): Item[][] {
  return [...Map.groupBy(news, ({ company }) => company.id).values()]
}

function companyGroup(items: readonly Item[], given: NewsMain, back: string): Html {
  const { id, name } = items[0]!.company
  const others = items.length > 1 && html` <small>${formatCount(items.length, 'news item')}</small>`
  return html`<section class="group" aria-labelledby="company-${id}">
<h2 id="company-${id}"><a href="/console/companies/${id}">${foreign(excerpt(name ?? 'deleted', 160))}</a>${others}</h2>
${items.map((item) => newsItem(item, given, back))}
</section>
`
}

/** The article that a POST about `newsId` comes back to. */
export function anchorOf(newsId: string): string {
  return `n-${newsId}`
}

function newsItem(item: Item, { view, zone, isPerson }: NewsMain, back: string): Html {
  const feedback = view.feedback.get(item.news_id)
  const why = `/console/why/${item.news_id}`
  const title = excerpt(item.title, 300)
  const more = sayMore(item)
  const place = view.news.indexOf(item)
  const next = (view.news[place + 1] ?? view.news[place - 1])?.news_id
  const said = [feedback?.is_done && 'Done', feedback?.is_snoozed && 'Snoozed'].filter(Boolean).join(', ')
  return html`<article class="news-item ${item.severity}" id="${anchorOf(item.news_id)}" tabindex="-1" data-news aria-label="${title}">
<h3 dir="auto"><a href="${why}">${title}</a></h3>
${more !== '' && html`<p dir="auto">${excerpt(more, 600)}</p>`}
<p class="small">${severity(item.severity)} <a href="/console/series/${item.series_id}">${foreign(excerpt(item.measurement.name ?? 'series', 80))}</a> · ${foreign(item.source.name ?? 'deleted source')} · ${time(item.observed_at, zone)}${said !== '' && html` · <b>${said}</b>`}</p>
${isPerson && actions(item, feedback, back, next)}
</article>
`
}

/** What the message says beyond the title, with which it often begins. */
function sayMore({ title, message }: Item): string {
  const rest = message.startsWith(title) ? message.slice(title.length) : message
  return rest === message || /^[\p{L}\p{N}]/u.test(rest) ? message : capitalize(rest.replace(/^[.,:;\s]+/, ''))
}

/** One form with a button for each thing that can be done. `next`: where the reader goes on when the item goes away. */
function actions({ news_id: newsId, title }: Item, feedback: Feedback | undefined, back: string, next?: string): Html {
  const isOpen = !feedback?.is_done && !feedback?.is_snoozed
  const button = (act: string, text: string, key: string | null, pressed?: boolean) =>
    html`<button class="quiet" name="answer" value="${act}"${key !== null && html` data-key="${key}"`}${pressed !== undefined && html` aria-pressed="${String(pressed)}"`}>${text}</button>`
  const mute = withQuery(`/console/news/${newsId}/mute`, { back })
  const opinion = (name: 'useful' | 'not_useful', text: string, key: string) => {
    const isSaid = feedback?.opinion === name
    return button(isSaid ? 'none' : name, text, key, isSaid)
  }
  return html`<form class="actions" method="post" action="/console/news/${newsId}" aria-label="${excerpt(title, 80)}">
<input type="hidden" name="back" value="${back}">${next !== undefined && html`<input type="hidden" name="next" value="${next}">`}
${isOpen ? [button('done', 'Done', 'e'), button('snooze', 'Snooze a week', 's')] : button('open', 'Open again', 'e')}
<a class="quiet" href="${mute}" data-key="m">Mute…</a>
${opinion('useful', 'Useful', 'u')}${opinion('not_useful', 'Not useful', 'x')}
</form>`
}
