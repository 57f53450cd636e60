import { formatChange, formatNumber } from '#runtime/text/format.ts'
import { excerpt } from '#runtime/text/shorten.ts'
import { buttonForm } from '../design/forms.ts'
import { html, type Html } from '../design/html.ts'
import { empty, foreign, severity, table, withQuery } from '../design/parts.ts'
import { day, time } from '../design/time.ts'
import { judgeFeed } from '../growth/freshness.ts'
import type { Draw } from './pictures.ts'
import {
  bestDays,
  type CompanyView,
  type Mute,
  type News,
  type SeriesRow,
  spans,
  type Standing,
} from './read-company-page.ts'
import { changeText, everyText, freshnessState, judgedText, named, nameOf } from './words.ts'

type Asked = { view: CompanyView; days: string; zone: string; now: number; draw: Draw }

const longestMessage = 600
const longestValue = 80

/** What matters about a company first, then its series in pictures, its lists, its sources and its news items. */
export function companyMain(asked: Asked): Html {
  const { view } = asked
  return html`${view.company.description !== null && html`<p class="muted" dir="auto">${excerpt(view.company.description, longestMessage)}</p>`}
${view.person && standing(view.company.id, view.person, asked.zone)}
${headline(asked)}
${pictures(asked)}
${items(asked)}
${moved(asked)}
${sources(asked)}
${listed(asked)}
${newest(asked)}`
}

function standing(company: number, { follows, followsBucket, mutes }: Standing, zone: string): Html {
  const path = `/console/companies/${company}`
  return html`<div class="actions">
${buttonForm(`${path}/${follows ? 'unfollow' : 'follow'}`, follows ? 'Unfollow' : 'Follow', {}, { look: 'plain', id: 'follow' })}
${muteButtons(path, mutes, zone)}
${followsBucket && html`<span class="small">You follow it through a bucket.</span>`}
</div>`
}

/** What a person can do about messages of a company or series. `mutes`: those of all of it. */
export function muteButtons(path: string, [mute]: readonly Mute[], zone: string): Html {
  if (mute === undefined)
    return html`${buttonForm(`${path}/mute`, 'Mute for a week', { days: '7' }, { look: 'plain', id: 'mute' })}
${buttonForm(`${path}/mute`, 'Mute for good', {}, { look: 'plain' })}`
  const until = mute.untilWorse
    ? 'Muted until it gets worse.'
    : mute.until === null
      ? 'Muted permanently.'
      : html`Muted until ${time(mute.until, zone)}.`
  return html`<span>${until}</span> ${buttonForm(`${path}/unmute`, 'Unmute', { mute: String(mute.id) }, { look: 'plain', id: 'mute' })}`
}

/** The best news items in words; without any, since when it is quiet. */
function headline({ view: { best, news }, zone }: Asked): Html {
  const [first, ...others] = best
  if (first)
    return html`<section class="headline" aria-label="What matters">
<p class="lead" dir="auto"><a href="/console/why/${first.news_id}">${nameOf(first.title)}</a></p>
${first.message !== first.title && html`<p dir="auto">${excerpt(first.message, longestMessage)}</p>`}
<p class="small">${severity(first.severity)} ${day(first.observed_at, zone)}</p>
${others.length > 0 && html`<ul>${others.map((one) => html`<li dir="auto"><a href="/console/why/${one.news_id}">${nameOf(one.title)}</a></li>`)}</ul>`}
</section>`
  const [last] = news
  const quiet = last
    ? html`All quiet since ${day(last.observed_at, zone)}: ${foreign(nameOf(last.title))}.`
    : 'All quiet: nothing has been told of this company yet.'
  return html`<section class="headline" aria-label="What matters"><p class="lead">${quiet}</p>
<p class="small">No news item in the last ${bestDays} days.</p></section>`
}

function pictures({ view, days, draw }: Asked): Html {
  const { company, counts, panels, from, to } = view
  const path = `/console/companies/${company.id}`
  const choices = spans.map((span) =>
    String(span) === days
      ? html`<li><b aria-current="true">${spanText(span)}</b></li>`
      : html`<li><a href="${withQuery(path, { days: span })}">${spanText(span)}</a></li>`,
  )
  const body =
    panels.length === 0
      ? empty(
          'No numbers in this time',
          counts.size === 0
            ? 'The first values come with the next run of a source. Detectors judge a series from 20 values on.'
            : 'Choose a longer time, or a series below.',
        )
      : html`${draw.multiples({ title: `${nameOf(company.name)}: ${spanText(Number(days))}`, series: panels, from, to })}
<p class="small">${panels.map(({ title, seriesId }, at) => html`${at > 0 && ' · '}<a href="/console/series/${seriesId}">${foreign(title)}</a>`)}</p>`
  return html`<h2 id="pictures">In pictures</h2>
<ul class="choices" aria-label="Time">${choices}</ul>
${body}`
}

const spanText = (days: number): string =>
  days === 365 ? '1 year' : days > 365 ? `${Math.round(days / 365)} years` : `${days} days`

function items({ view: { items }, zone, draw }: Asked): Html | null {
  if (items === null) return null
  const { measurement, from, to, has_subjects, others } = items
  const bars = items.items.map(({ item, subject, value }) => ({
    name: has_subjects && subject !== '' ? `${nameOf(item)} · ${nameOf(subject)}` : nameOf(item),
    value,
  }))
  const [first, last] = [day(from, zone), day(to, zone)]
  const when = from === to ? html`on ${last}` : html`between ${first} and ${last}`
  return html`<h2>List items</h2>
<p class="small">As the lists were ${when}.</p>
${draw.bars({ title: `${nameOf(measurement)} of each`, items: bars, others })}`
}

function moved({ view: { moved }, zone }: Asked): Html {
  const items = moved.map(
    (one) =>
      html`<li dir="auto">${one.kind === 'gone' ? 'Gone' : 'New'}, ${day(one.observed_at, zone)}: <a href="/console/why/${one.news_id}">${nameOf(one.title)}</a></li>`,
  )
  return html`<h2>List items that came and went</h2>
${items.length === 0 ? html`<p>None in this time.</p>` : html`<ul>${items}</ul>`}`
}

function sources({ view: { company, counts, listed }, days, zone, now }: Asked): Html {
  const path = `/console/companies/${company.id}`
  if (company.sources.length === 0)
    return html`<h2>Sources</h2>${empty('No source yet', 'A source brings data of a company when it is switched on for it in parma-web.')}`
  const rows = company.sources.map((source) => {
    const at = source.observed_at === null ? null : Date.parse(source.observed_at)
    const count = counts.get(source.id) ?? 0
    const address = `${withQuery(path, { days: days === '365' ? null : days, source: source.id })}#series`
    return [
      { text: html`${named(source.name)}${!source.active && html` <small>switched off</small>`}` },
      { text: freshnessState(judgeFeed({ observedAt: at, everyMs: source.every_ms }, now), now) },
      { text: at === null ? '–' : time(at, zone), sort: at ?? '' },
      { text: source.every_ms === null ? 'not known yet' : everyText(source.every_ms), sort: source.every_ms ?? '' },
      { text: source.failed_runs === 0 ? 'none' : String(source.failed_runs), sort: source.failed_runs },
      { text: listed?.source === source.id ? `${count}, below` : html`<a href="${address}">${count}</a>`, sort: count },
    ]
  })
  const columns = [
    ...[{ name: 'Source' }, { name: 'Data' }, { name: 'Newest' }, { name: 'Comes' }],
    ...[
      { name: 'Failed runs in a row', isNumber: true },
      { name: 'Series', isNumber: true },
    ],
  ]
  return html`<h2>Sources</h2>${table('Sources of the company', columns, rows, { sortable: true })}`
}

function listed({ view: { listed, company }, zone }: Asked): Html | null {
  if (listed === null) return null
  const name = company.sources.find(({ id }) => id === listed.source)?.name ?? null
  const rows = listed.series.map((one) => {
    const change = listed.growth.get(one.series_id)
    return [
      { text: html`<a href="/console/series/${one.series_id}">${seriesName(one)}</a>` },
      { text: valueText(one) },
      { text: change ? changeText(change) : '–', sort: change?.percent ?? '' },
      { text: one.observed_at === null ? '–' : day(one.observed_at, zone), sort: one.observed_at ?? '' },
      { text: judgedText(one.detector.state) },
    ]
  })
  const columns = [
    { name: 'Series' },
    { name: 'Value', isNumber: true },
    { name: '30 days', isNumber: true },
    { name: 'Observed' },
    { name: 'Judged' },
  ]
  return html`<h2 id="series" tabindex="-1">Series of ${named(name)}</h2>
${listed.series.length === 0 ? html`<p>It has no series of this company yet.</p>` : table('Series of the source', columns, rows, { sortable: true })}
${listed.hasMore && html`<p class="small">More are not shown.</p>`}`
}

const seriesName = ({ measurement, subject }: SeriesRow): Html =>
  html`${named(measurement.name)}${subject !== null && html` <small>${named(subject)}</small>`}`

/** The newest value of a series as a text, numbers as people write them. */
export function valueText({ value, measurement }: Pick<SeriesRow, 'value' | 'measurement'>): Html {
  if (value === null) return html`<span class="muted">–</span>`
  const number = measurement.type === 'int' || measurement.type === 'float' ? Number(value) : NaN
  return Number.isFinite(number) ? html`${formatNumber(number)}` : foreign(excerpt(value, longestValue))
}

function newest({ view: { news }, zone }: Asked): Html {
  if (news.length === 0)
    return html`<h2>News</h2><p>Nothing has been told of this company yet. First values are silent.</p>`
  return html`<h2>News</h2>${newsList(news, zone)}`
}

/** News items with their way to the reasons and to their series. */
export function newsList(news: readonly News[], zone: string): Html {
  const items = news.map(
    (one) => html`<li>
<p dir="auto"><a href="/console/why/${one.news_id}">${nameOf(one.title)}</a></p>
<p class="small">${severity(one.severity)} ${day(one.observed_at, zone)} · <a href="/console/series/${one.series_id}">${named(one.measurement.name)}</a>${one.trigger_factor !== null && ` · ${formatChange(one.trigger_factor)}`}</p>
</li>`,
  )
  return html`<ul class="plain-list">${items}</ul>`
}
