import { formatCount } from '#runtime/text/format.ts'
import { named } from '../company-pages/words.ts'
import { choice, filterForm, input } from '../design/forms.ts'
import { html, type Html } from '../design/html.ts'
import { empty, morePages, table, withQuery } from '../design/parts.ts'
import { time } from '../design/time.ts'
import { comingSlots } from './coming-slots.ts'
import { type DeskSource, sourcesPath, type SourcesPageQuery, type SourcesView } from './read-sources.ts'
import { noSlotText, planText, runDots, slotList, sourceState, volumeText } from './source-words.ts'

type Asked = { query: SourcesPageQuery; view: SourcesView; zone: string; now: number }

const shows = [
  { value: 'all', text: 'All' },
  { value: 'red', text: 'Down, stale or suspect' },
  { value: 'paused', text: 'Paused' },
  { value: 'off', text: 'Switched off' },
]

const columns = [
  { name: 'Source' },
  { name: 'State' },
  { name: 'Last runs' },
  { name: 'Payloads of the last run' },
  { name: 'Plan' },
  { name: 'Newest data' },
]

/** Every source: how it is, its last runs, what is to come. */
export function sourcesMain({ query, view, zone, now }: Asked): Html {
  const { q, show, cursor } = query
  const filters = filterForm(
    sourcesPath,
    html`${input('search', 'q', 'Name', q, { maxlength: 200 })}${choice('show', 'Show', shows, show)}`,
  )
  if (view.sources.length === 0 && q === undefined && show === 'all' && cursor === undefined) return noSource()
  const rest = { q, show: show === 'all' ? null : show }
  return html`<p><a class="button plain" href="${sourcesPath}/new">Add a source</a></p>
${filters}
${
  view.sources.length === 0
    ? empty('No source fits', 'No source of this name is in this state.', {
        text: 'Show all sources',
        href: sourcesPath,
      })
    : table(
        'Sources',
        columns,
        view.sources.map((source) => rowOf(source, zone, now)),
        { isNamed: true, cards: true },
      )
}
${morePages(view.next === null ? null : withQuery(sourcesPath, { ...rest, cursor: view.next }))}`
}

function noSource(): Html {
  return empty(
    'No source yet',
    'A source is a mining module that sends what it finds about companies. Add its address, and its module says what it measures.',
    { text: 'Add a source', href: `${sourcesPath}/new` },
  )
}

function rowOf(source: DeskSource, zone: string, now: number) {
  const { id, name, companies, runs, policy, observed_at, incidents, health } = source
  const last = runs.at(-1)
  const slots = comingSlots(source, now)
  const reason = health?.status === 'DOWN' ? health.reason : incidents[0]?.message
  return [
    {
      text: html`<a href="${sourcesPath}/${id}">${named(name, `source ${id}`)}</a><br><small>${companies === 1 ? '1 company' : `${companies} companies`}</small>`,
    },
    {
      text: html`${sourceState(source, zone)}${reason && html`<br><small dir="auto">${reason.slice(0, 200)}</small>`}`,
    },
    { text: runDots(runs) },
    {
      text: last ? html`${volumeText(last, runs.slice(0, -1))}<br><small>${time(last.started_at, zone)}</small>` : '–',
    },
    {
      text: html`${planText(source, policy)}<details><summary>Next ${slots.length > 0 ? formatCount(slots.length, 'time') : 'time'}</summary>${slotList(slots, zone, noSlotText(source))}</details>`,
    },
    { text: observed_at === null ? html`<span class="muted">none yet</span>` : time(observed_at, zone) },
  ]
}
