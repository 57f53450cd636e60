import { formatNumber } from '#runtime/text/format.ts'
import { excerpt } from '#runtime/text/shorten.ts'
import { choice, postForm } from '../design/forms.ts'
import { type Content, html, type Html } from '../design/html.ts'
import { empty, facts, foreign, table, withQuery } from '../design/parts.ts'
import { day, time } from '../design/time.ts'
import type { Polarity } from '../growth/grow.ts'
import { muteButtons, newsList, valueText } from './company-page.ts'
import type { Draw } from './pictures.ts'
import type { SeriesPast, SeriesView } from './read-series-page.ts'
import { neighbours, type Span, spans } from './series-window.ts'
import { changeText, judgedText, named } from './words.ts'

/** `trial`: the part in which a rule is tried; null where none can be. */
type Asked = { view: SeriesView; days: Span; zone: string; draw: Draw; mayChange: boolean; trial: Html | null }

/** Values in the table; the file has all. */
const mostRows = 50
const longestValue = 300

/** What the detectors say of the newest value, unless their state says it. */
function reasonText({ state, reason }: SeriesPast['detector']): Html | null {
  return reason === null || reason === state ? null : html` ${foreign(excerpt(reason, longestValue))}.`
}

/** A series: its newest value, picture, growth, news items and values. */
export function seriesMain(asked: Asked): Html {
  const { view, draw } = asked
  const { company, source, item, subject } = view.series
  return html`<p class="lead">${valueText({ ...view.series })}</p>
<p>${view.series.observed_at !== null && html`Observed ${time(view.series.observed_at, asked.zone)}. `}${judgedText(view.series.detector.state)}${reasonText(view.series.detector)}</p>
${facts([
  ['Company', html`<a href="/console/companies/${company.id}">${named(company.name)}</a>`],
  ['Source', named(source.name)],
  ['List item', item === null ? null : named(item)],
  ['Subject', subject === null ? null : named(subject)],
])}
${view.mutes && html`<div class="actions">${muteButtons(pathOf(view.series), view.mutes, asked.zone)}</div>`}
${windows(asked)}
${view.series.points.length === 0 ? nothing(asked) : view.chart ? draw.line(view.chart) : html`<p class="muted">These values have no size, so there is no picture.</p>`}
${view.isCut && html`<p class="small">Older values of this time are left out. Choose a shorter time.</p>`}
${growth(view.series, asked.zone)}
${meaning(asked)}
${forecast(view.series, asked.zone)}
<h2>News</h2>${view.news.length === 0 ? html`<p>Nothing has been told of this series in this time.</p>` : newsList(view.news.slice(0, 20), asked.zone)}
${asked.trial}
${values(asked)}`
}

const spanTexts: Record<Span, string> = { 30: '30 days', 90: '90 days', 365: '1 year', 1095: '3 years', all: 'All' }

/** The choice of the time shown, and the way to what lies before and after. */
function windows({ view, days }: Asked): Html {
  const path = pathOf(view.series)
  const until = view.shown.isNewest ? null : new Date(view.shown.to).toISOString()
  const choices = spans.map((span) =>
    span === days
      ? html`<li><b aria-current="true">${spanTexts[span]}</b></li>`
      : html`<li><a href="${withQuery(path, { days: span, until: span === 'all' ? null : until })}">${spanTexts[span]}</a></li>`,
  )
  const { earlier, later } = neighbours(view.shown)
  return html`<ul class="choices" aria-label="Time">${choices}
${earlier !== null && html`<li><a href="${withQuery(path, { days, until: earlier })}">← Earlier</a></li>`}
${later !== null && html`<li><a href="${withQuery(path, { days, until: later })}">Later →</a></li>`}
</ul>`
}

const pathOf = ({ series_id }: Pick<SeriesPast, 'series_id'>) => `/console/series/${series_id}`

function nothing({ view }: Asked): Html {
  return empty('No values in this time', 'The series has values at other times only, or none yet.', {
    text: 'Show all values',
    href: withQuery(pathOf(view.series), { days: 'all' }),
  })
}

function growth({ growth }: SeriesPast, zone: string): Html | null {
  if (growth.length === 0) return null
  const rows = growth.map((one) => [
    { text: `${one.days} days` },
    { text: changeText(one), sort: one.percent ?? '' },
    { text: one.previous === null ? '–' : formatNumber(one.previous) },
    { text: one.previous_at === null ? '–' : day(one.previous_at, zone) },
  ])
  const columns = [
    { name: 'Over' },
    { name: 'Change', isNumber: true },
    { name: 'From', isNumber: true },
    { name: 'Of' },
  ]
  return html`<h2>Growth</h2>${table('Change up to the newest value', columns, rows)}`
}

const polarityTexts: Record<Polarity, string> = {
  good: 'More is good.',
  bad: 'More is bad.',
  neither: 'More is neither good nor bad: the series is not ranked.',
}

/** What more of the measurement means; operators can change it. */
function meaning({ view, mayChange }: Asked): Html {
  const { polarity, series } = view
  const options = [
    { value: 'good', text: 'More is good' },
    { value: 'bad', text: 'More is bad' },
    { value: 'neither', text: 'Neither' },
    { value: 'default', text: 'As its name says' },
  ]
  const form = postForm(
    `${pathOf(series)}/polarity`,
    choice('polarity', 'What more of it means, for all companies', options, polarity),
    'Change',
  )
  return html`<h2 id="polarity">Meaning</h2><p>${polarityTexts[polarity]}</p>${mayChange && form}`
}

function forecast({ forecast }: SeriesPast, zone: string): Html | null {
  if (forecast.length === 0) return null
  const rows = forecast.map((one) => [
    { text: day(one.for_time, zone) },
    { text: formatNumber(one.value) },
    {
      text:
        one.low === null || one.high === null
          ? 'not known yet'
          : `${formatNumber(one.low)} to ${formatNumber(one.high)}`,
    },
  ])
  const columns = [{ name: 'For' }, { name: 'Forecast', isNumber: true }, { name: '8 of 10 values', isNumber: true }]
  return html`<h2>Forecast</h2>${table('Forecast', columns, rows)}`
}

/** The newest values of the time shown, each with its raw document. */
function values({ view, zone, mayChange }: Asked): Html {
  const { series, shown } = view
  const period = {
    since: shown.from === null ? null : new Date(shown.from).toISOString(),
    until: new Date(shown.to).toISOString(),
  }
  const file = withQuery(`/api/v1/series/${series.series_id}.csv`, { ...period, limit: 5000 })
  const shownRows = series.points.slice(-mostRows).reverse()
  const rows = shownRows.map((point) => [
    { text: time(point.observed_at, zone), sort: point.observed_at },
    { text: html`${pointText(point)}${changedMark(point)}` },
    { text: documentText(point) },
    ...(mayChange ? [{ text: correctLink(point, zone) }] : []),
  ])
  const columns = [
    ...[{ name: 'Observed' }, { name: 'Value', isNumber: view.chart !== null }, { name: 'Raw document' }],
    ...(mayChange ? [{ name: html`<span class="hidden-text">Correct</span>` }] : []),
  ]
  return html`<h2>Values</h2>
<p class="small">${shownRows.length < series.points.length ? `The newest ${mostRows} of this time. ` : ''}<a href="${file}">CSV</a></p>
${rows.length > 0 && table('Values', columns, rows, { sortable: true })}`
}

/** The raw document, as the way to how it was understood. */
function documentText({ event_id, document }: SeriesPast['points'][number]): Content {
  const name = html`<code>${excerpt(document ?? event_id ?? '', 200)}</code>`
  return html`<small>${event_id === null ? name : html`<a href="/api/v1/events/${event_id}">${name}</a>`}</small>`
}

function pointText({ value, exact }: SeriesPast['points'][number]): Content {
  if (exact !== null) return foreign(excerpt(exact, longestValue))
  if (typeof value === 'number') return formatNumber(value)
  if (value === null) return html`<span class="muted">–</span>`
  return foreign(excerpt(Array.isArray(value) ? value.join(', ') : value, longestValue))
}

function changedMark({ changed }: SeriesPast['points'][number]): Html | null {
  return changed === null ? null : html`<br><small class="muted">${changed}</small>`
}

/** The way to the page of a value, where operators correct it. */
function correctLink({ event_id, seq, observed_at }: SeriesPast['points'][number], zone: string): Content {
  if (event_id === null) return null
  return html`<a href="/console/values/${event_id}/${seq}">Correct<span class="hidden-text"> the value of ${time(observed_at, zone)}</span></a>`
}
