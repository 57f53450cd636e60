import { formatCount } from '#runtime/text/format.ts'
import { agoText, named, nameOf } from '../company-pages/words.ts'
import { choice, filterForm, input } from '../design/forms.ts'
import { html, type Html } from '../design/html.ts'
import { empty, morePages, state, withQuery } from '../design/parts.ts'
import { freshnessPath, type FreshnessCell, type FreshnessQuery, type FreshnessView } from './read-freshness.ts'
import { sourcesPath } from './read-sources.ts'

type Asked = { query: FreshnessQuery; view: FreshnessView; now: number }

const shows = [
  { value: 'all', text: 'All companies' },
  { value: 'late', text: 'With data that is late' },
  { value: 'failing', text: 'With failed runs' },
  { value: 'none', text: 'With a source without data' },
]

/** Companies and sources: how fresh what each source says of each company is. */
export function freshnessMain(asked: Asked): Html {
  const { query, view } = asked
  const { q, source, show, from, cursor } = query
  const kept = { q, source, show: show === 'all' ? null : show, from }
  const sources = view.choices.map(({ id, name }) => ({ value: String(id), text: nameOf(name, `source ${id}`) }))
  if (view.choices.length === 0)
    return empty('No source yet', 'Sources bring data of companies. Add one, and its companies stand here.', {
      text: 'Add a source',
      href: `${sourcesPath}/new`,
    })
  const filters = filterForm(
    freshnessPath,
    html`${input('search', 'q', 'Company', q, { maxlength: 200 })}
${choice('source', 'Source', [{ value: '', text: 'All sources' }, ...sources], source === undefined ? '' : String(source))}
${choice('show', 'Show', shows, show)}`,
  )
  if (view.rows.length === 0)
    return html`${filters}${
      q === undefined && source === undefined && show === 'all' && cursor === undefined
        ? empty('No company yet', 'Companies come from parma-web, or are added with `parma companies add`.', {
            text: 'Look at the sources',
            href: sourcesPath,
          })
        : empty('No company fits', 'No company is in this state: that may be good news.', {
            text: 'Show all companies',
            href: freshnessPath,
          })
    }`
  return html`${filters}
<p class="small">${view.companies === 1 ? '1 company' : `${view.companies.toLocaleString('en-US')} companies`}</p>
${legend}
${grid(asked)}
${view.moreSources !== null && html`<p><a href="${withQuery(freshnessPath, { ...kept, from: view.moreSources })}">Further sources</a></p>`}
${from !== undefined && html`<p><a href="${withQuery(freshnessPath, { ...kept, from: null })}">The first sources</a></p>`}
${morePages(view.next === null ? null : withQuery(freshnessPath, { ...kept, cursor: view.next }))}`
}

const legend = html`<p class="small">${state('good', 'as often as usual')} · ${state('late', 'late: nothing for twice its usual time')} · ${state('bad', 'its last runs failed')} · ${state('none', 'nothing yet')} · – not asked about</p>`

function grid({ view, now }: Asked): Html {
  const heads = view.sources.map(
    ({ id, name }) => html`<th scope="col"><a href="${sourcesPath}/${id}">${named(name, `source ${id}`)}</a></th>`,
  )
  const rows = view.rows.map(
    ({ id, name, cells }) =>
      html`<tr><th scope="row"><a href="/console/companies/${id}">${named(name, `company ${id}`)}</a></th>${cells.map((cell) => html`<td>${cellText(cell, now)}</td>`)}</tr>\n`,
  )
  return html`<div class="scroll" role="region" aria-label="Freshness" tabindex="0">
<table class="watchlist">
<caption class="hidden-text">How fresh the data of companies is, by source</caption>
<thead><tr><th scope="col">Company</th>${heads}</tr></thead>
<tbody>
${rows}</tbody>
</table>
</div>`
}

function cellText(cell: FreshnessCell, now: number): Html {
  if (cell === null)
    return html`<span class="muted" title="The source is not asked about it.">–<span class="hidden-text"> not asked about</span></span>`
  const { kind, observedAt, failedRuns, isActive } = cell
  const off = !isActive && html` <small>switched off</small>`
  const last = observedAt === null ? 'nothing yet' : agoText(observedAt, now)
  if (failedRuns > 0) return html`${state('bad', `${formatCount(failedRuns, 'failed run')}, ${last}`)}${off}`
  if (kind === 'none') return html`${state('none', last)}${off}`
  return html`${state(kind === 'late' ? 'late' : 'good', kind === 'late' ? `late, ${last}` : last)}${off}`
}
