import { formatNumber } from '#runtime/text/format.ts'
import { choice, filterForm, input } from '../design/forms.ts'
import { type Content, html, type Html, trusted } from '../design/html.ts'
import { empty, morePages, notice, withQuery } from '../design/parts.ts'
import { windows } from '../growth/grow.ts'
import { directionOf } from '../growth/order-companies.ts'
import {
  mostColumns,
  type Watchlist,
  type WatchlistCell,
  type WatchlistQuery,
  type WatchlistRow,
} from './read-watchlist.ts'
import { changeText, freshnessState, named, nameOf } from './words.ts'

const path = '/console/watchlist'

type Asked = { query: WatchlistQuery; view: Watchlist; now: number; isPerson: boolean }

/** Companies and what their measurements say, as a table that every column can sort. */
export function watchlistMain(asked: Asked): Html {
  const { view } = asked
  return html`${filters(asked)}
${view.isUnsorted && notice('bad', tooMany(view.companies))}
${view.rows.length === 0 ? nothing(asked) : found(asked)}`
}

const tooMany = (companies: number) =>
  `These are ${companies.toLocaleString('en-US')} companies, too many to be ranked at once. They are sorted by name. Choose a bucket or part of a name to sort them by numbers.`

/** The address of the page with some parameters changed; the first page, unless told. */
function addressOf({ query, view }: Pick<Asked, 'query' | 'view'>, changed: Record<string, string | number | null>) {
  const { of, q, days, sort, direction } = query
  const measurements = query.measurements === undefined && query.add === undefined ? null : columnsOf(view)
  const kept = {
    ...{ of: of === 'mine' ? null : of, q, measurements },
    ...{ days: days === '30' ? null : days, sort: sort === 'name' ? null : sort, direction },
  }
  return withQuery(path, { ...kept, ...changed })
}

const columnsOf = ({ columns }: Pick<Watchlist, 'columns'>) => columns.map(({ id }) => id).join(',')

function filters(asked: Asked): Html {
  const { query, view, isPerson } = asked
  const mine = isPerson ? [{ value: 'mine', text: 'My companies' }] : []
  const all = { value: 'all', text: isPerson ? 'All that I may see' : 'All companies' }
  const buckets = view.buckets.map(({ id, name }) => ({ value: String(id), text: nameOf(name, `bucket ${id}`) }))
  const days = windows.map((one) => ({ value: String(one), text: `${one} days` }))
  const more = view.measurements
    .filter(({ id }) => !view.columns.some((column) => column.id === id))
    .map(({ id, name, source }) => ({ value: String(id), text: `${nameOf(name)} (${nameOf(source ?? null)})` }))
  const none = { value: '', text: view.columns.length < mostColumns ? 'none' : 'none (one more replaces the first)' }
  const hidden = (name: string, value: string | undefined) =>
    value !== undefined && value !== '' && html`<input type="hidden" name="${name}" value="${value}">`
  return filterForm(
    path,
    html`${choice('of', 'Companies', [...mine, all, ...buckets], isPerson || query.of !== 'mine' ? String(query.of) : 'all')}
${input('search', 'q', 'Name', query.q, { maxlength: 200 })}
${choice('days', 'Change over', days, query.days)}
${choice('add', 'Add a measurement', [none, ...more], '')}
${hidden('measurements', columnsOf(view))}${hidden('sort', query.sort)}${hidden('direction', query.direction)}`,
  )
}

function nothing({ query, isPerson }: Asked): Html {
  if (query.q !== undefined || typeof query.of === 'number')
    return empty('No company fits', 'No company in this choice has such a name.', {
      text: 'Show all companies',
      href: withQuery(path, { of: 'all' }),
    })
  const all = html`<a href="${withQuery(path, { of: 'all' })}">show all companies that you may see</a>`
  if (isPerson && query.of === 'mine')
    return empty(
      'You follow no company yet',
      html`Follow companies or buckets, and they stand here. What you follow in parma-web is taken over. Or ${all}.`,
      { text: 'Choose companies', href: '/console/me' },
    )
  return empty('No companies yet', 'Companies come from parma-web. Those in your buckets stand here.', {
    text: 'Go to my page',
    href: '/console/me',
  })
}

function found(asked: Asked): Html {
  const { view, query } = asked
  const total = view.companies.toLocaleString('en-US')
  const count = view.rows.length === view.companies ? total : `${view.rows.length} of ${total}`
  const noNumbers = 'None of these companies has a number yet: the first values come with the next run of a source.'
  return html`<p class="small">${count} ${view.companies === 1 ? 'company' : 'companies'}. Lines show the last ${Math.max(90, Number(query.days))} days.
<a href="${addressOf(asked, { format: 'csv' })}">CSV</a></p>
${view.columns.length === 0 && html`<p class="muted">${noNumbers}</p>`}
${grid(asked)}
${morePages(view.next === null ? null : addressOf(asked, { cursor: view.next }))}`
}

function grid(asked: Asked): Html {
  const { view, query } = asked
  const head = (sort: string, text: Content, isNumber: boolean) => sortHead(asked, sort, text, isNumber)
  const groups = view.columns.map(
    ({ id, name, source }) =>
      html`<th scope="colgroup" colspan="3">${named(name)} <small>${named(source.name)}${
        view.columns.length > 1 &&
        html` · <a href="${withoutColumn(asked, id)}" aria-label="Remove ${nameOf(name)}">remove</a>`
      }</small></th>`,
  )
  const heads = view.columns.map(({ id }) => [
    head(`value-${id}`, 'Value', true),
    head(`change-${id}`, `${query.days} days`, true),
    head(`rank-${id}`, 'Rank', true),
  ])
  return html`<div class="scroll" role="region" aria-label="Companies" tabindex="0">
<table class="watchlist">
<caption class="hidden-text">Companies with their newest values, changes over ${query.days} days, and ranks</caption>
<thead>
<tr><td colspan="${view.isRanked ? 2 : 1}"></td>${groups}</tr>
<tr>${head('name', 'Company', false)}${view.isRanked && head('momentum', 'Momentum', true)}${heads}</tr>
</thead>
<tbody>
${view.rows.map((row) => rowOf(asked, row))}</tbody>
</table>
</div>`
}

function withoutColumn(asked: Asked, id: number): string {
  const kept = asked.view.columns.filter((column) => column.id !== id).map((column) => column.id)
  const isSorted = asked.query.sort.endsWith(`-${id}`)
  return addressOf(asked, { measurements: kept.join(','), ...(isSorted && { sort: null, direction: null }) })
}

/** A head whose link sorts by it: first in its usual direction, then in the other. */
function sortHead(asked: Asked, sort: string, text: Content, isNumber: boolean): Html {
  const { query, view } = asked
  const isSorted = query.sort === sort && !view.isUnsorted
  const now = isSorted ? directionOf(query) : null
  const usual = directionOf({ sort })
  const next = now === usual ? (usual === 'ascending' ? 'descending' : 'ascending') : null
  const href = addressOf(asked, {
    ...{ sort: sort === 'name' ? null : sort, direction: next },
    ...(sort.includes('-') && { measurements: columnsOf(view) }),
  })
  const attributes = html`${isNumber && html` class="number"`}${now && html` aria-sort="${now}"`}`
  return html`<th scope="col"${attributes}><a href="${href}">${text}</a></th>`
}

function rowOf({ view, now }: Asked, { id, name, momentum, freshness, cells }: WatchlistRow): Html {
  const late = freshness.late > 0 && freshness.of > 1 ? ` (${freshness.late} of ${freshness.of} sources late)` : ''
  const mean = view.isRanked && html`<td class="number">${momentum === null ? nothingThere : Math.round(momentum)}</td>`
  return html`<tr><th scope="row"><a href="/console/companies/${id}">${named(name, `company ${id}`)}</a>
<small>${freshnessState(freshness, now)}${late}</small></th>${mean}${cells.map((cell) => cellsOf(cell, view.isRanked))}</tr>
`
}

const nothingThere = html`<span class="muted">–</span>`

function cellsOf(cell: WatchlistCell | null, isRanked: boolean): Html {
  if (cell === null) return html`<td colspan="3" class="number muted">no values</td>`
  const { series_id, value, rank, of, more, spark } = cell
  const others = more > 0 && html` <small>+${more} more</small>`
  return html`<td class="number">${trusted(spark)}<a href="/console/series/${series_id}">${formatNumber(value)}</a>${others}</td><td class="number">${changeText(cell)}</td><td class="number">${rank === null || !isRanked ? nothingThere : `${rank} of ${of}`}</td>`
}
