import { formatCount } from '#runtime/text/format.ts'
import { excerpt } from '#runtime/text/shorten.ts'
import { choice, filterForm, input } from '../design/forms.ts'
import { html, type Html } from '../design/html.ts'
import { empty, facts, foreign, severity, state, table, withQuery } from '../design/parts.ts'
import { withCode } from '../design/with-code.ts'
import { time } from '../design/time.ts'
import type { Stage } from '../trace/event-status.ts'
import type { EventQuery, FoundEvent, NamedSource } from './find-events.ts'
import { type EventParts, mostRows } from './read-event-page.ts'

export const eventsPath = '/console/events'

/** The search. `found` null: nothing was searched for. */
export function eventsMain(view: {
  query: EventQuery
  sources: readonly NamedSource[]
  found: readonly FoundEvent[] | null
  zone: string
}): Html {
  const { query, sources, found, zone } = view
  const options = [{ value: '', text: 'Any' }, ...sources.map(({ id, name }) => ({ value: String(id), text: name }))]
  const fields = html`${input('search', 'q', 'Event id or path of a document', query.q, { maxlength: 500 })}
${input('text', 'company', 'Company (id or name)', query.company, { maxlength: 200 })}
${choice('source', 'Source', options, query.source === undefined ? '' : String(query.source))}
${input('text', 'task', 'Task', query.task === undefined ? '' : String(query.task), { maxlength: 10 })}
${input('date', 'since', 'Received from', query.since?.slice(0, 10))}
${input('date', 'until', 'before', query.until?.slice(0, 10))}`
  return html`${filterForm(eventsPath, fields, 'Find')}
${found === null ? nothingAsked : found.length === 0 ? nothingFound(query) : foundTable(found, zone)}`
}

const nothingAsked = empty(
  'Where is a payload?',
  'Enter the id that the edge answered with (document_id), the path of a raw document, a task, or a company and a time. The page shows how far the payload has come, and the next step where it stopped.',
)

function nothingFound({ q }: EventQuery): Html {
  const text =
    q !== undefined
      ? html`${foreign(excerpt(q, 80))} holds no id of an event. An id has 32 hexadecimal digits in five groups.`
      : 'No payload that the normalizer has seen fits. Payloads that still wait are found by their id only.'
  return empty('Nothing found', text, { text: 'Search for something else', href: eventsPath })
}

function foundTable(found: readonly FoundEvent[], zone: string): Html {
  const rows = found.map((one) => [
    { text: html`<a href="${eventsPath}/${one.event_id}">${time(one.received_at, zone)}</a>`, sort: one.received_at },
    { text: foreign(one.source_name) },
    { text: foreign(one.company ?? `company ${one.company_id}`) },
    { text: one.task_id },
    {
      text:
        one.reason !== null
          ? state('bad', `refused: ${one.reason}`)
          : one.refused > 0
            ? state('late', `${formatCount(one.refused, 'value')} refused`)
            : state('good', 'understood'),
    },
    { text: one.stored, sort: one.stored },
  ])
  const columns = [
    ...[{ name: 'Received' }, { name: 'Source' }, { name: 'Company' }, { name: 'Task', isNumber: true }],
    ...[{ name: 'State' }, { name: 'Values', isNumber: true }],
  ]
  return table('Payloads, the newest first', columns, rows, { sortable: true, cards: true })
}

const kinds = { done: 'good', waiting: 'late', stopped: 'bad', skipped: 'none', unknown: 'late' } as const

/** Where an event is: its stages, and everything it became. */
export function eventMain(view: {
  eventId: string
  stages: readonly Stage[]
  owner: { data_source_id: number; company_id: string } | null
  parts: EventParts
  zone: string
}): Html {
  const { eventId, stages, parts, owner, zone } = view
  const { payload } = parts
  const rows = stages.map((stage) => [
    { text: stage.stage },
    { text: state(kinds[stage.state], stage.state) },
    { text: stage.at === null ? '–' : time(stage.at, zone) },
    {
      text: html`${stage.reason}${stage.reason && stage.detail && ': '}${stage.detail && foreign(excerpt(stage.detail, 400))}`,
    },
    { text: html`${stage.remedy && withCode(stage.remedy)} ${nextLink(stage, eventId)}` },
  ])
  const columns = ['Stage', 'State', 'When', 'Why', 'Next step'].map((name) => ({ name }))
  return html`${facts([
    ['Event', eventId],
    ['Source', payload && foreign(payload.source_name)],
    ['Company', owner && companyLink(owner.company_id, payload?.company ?? null)],
    ['Observed', payload?.observed_at != null && time(payload.observed_at, zone)],
    ['Map version', payload?.map_version],
    ['Raw document', payload && html`<code>${payload.document}</code>`],
    [
      'Leaves',
      payload &&
        `${payload.stored} stored, ${payload.nulls} null, ${payload.unmapped} unmapped, ${payload.refused} refused`,
    ],
    ['Replays', payload && payload.replays > 0 && payload.replays],
    ['History', payload?.history && 'Yes: it is more than a day old, so nobody is told.'],
  ])}
${table('Stages', columns, rows, { cards: true })}
${newsPart(parts)}
${deliveriesPart(parts, zone, eventId)}
${valuesPart(parts)}
<p><a href="${withQuery('/console/refused', { event: eventId })}">Refused values</a> · <a href="${withQuery('/console/dead-letters', { event: eventId, state: 'all' })}">Dead letters</a> · <a href="${eventsPath}">Find another payload</a></p>`
}

function companyLink(id: string, name: string | null): Html {
  return /^\d{1,9}$/.test(id) && name !== null
    ? html`<a href="/console/companies/${id}">${foreign(name)}</a>`
    : foreign(id)
}

/** The page where the next step is made. */
function nextLink({ reason, state: is }: Stage, eventId: string): Html | null {
  if (reason === 'dead-lettered')
    return html`<a href="${withQuery('/console/dead-letters', { event: eventId })}">Open the dead letter</a>`
  if (reason === 'values-refused' || reason === 'nothing-mapped')
    return html`<a href="${withQuery('/console/refused', { event: eventId })}">Show what was refused</a>`
  if (reason === 'delivery-failed' || reason === 'delivery-unknown')
    return html`<a href="${withQuery('/console/deliveries', { about: eventId })}">Show the deliveries</a>`
  return is === 'waiting' ? html`<a href="/console/now">See whether a service lags</a>` : null
}

function newsPart({ news }: EventParts): Html {
  return html`<section><h2>News items</h2>
${
  news.length === 0
    ? html`<p class="muted">It made none.</p>`
    : html`<ul>${news.map((one) => html`<li>${severity(one.severity)} <a href="/console/why/${one.news_id}">${foreign(excerpt(one.title, 200))}</a>${one.silent && ' (silent)'}</li>\n`)}</ul>`
}</section>`
}

const deliveryStates: Record<string, 'good' | 'bad' | 'late'> = { sent: 'good', failed: 'bad' }

function deliveriesPart({ deliveries }: EventParts, zone: string, eventId: string): Html | null {
  if (deliveries.length === 0) return null
  const rows = deliveries.map((one) => [
    { text: one.channel.toLowerCase() },
    { text: state(deliveryStates[one.state] ?? 'late', one.state) },
    { text: time(one.at, zone) },
    { text: one.reason && foreign(excerpt(one.reason, 300)) },
  ])
  const columns = ['Channel', 'State', 'When', 'Why'].map((name) => ({ name }))
  return html`<section><h2>Deliveries</h2>
${table('Deliveries of its news items', columns, rows, { isNamed: true, cards: true })}
<p><a href="${withQuery('/console/deliveries', { about: eventId })}">All about these deliveries</a></p></section>`
}

function valuesPart({ values, payload }: EventParts): Html | null {
  if (values.length === 0) return null
  const rows = values.map((one) => [
    { text: foreign(excerpt(one.path, 160)) },
    { text: one.item_key !== null && foreign(excerpt(one.item_key, 80)) },
    { text: one.measurement !== null && foreign(one.measurement) },
    { text: one.type },
    { text: one.value !== null && foreign(excerpt(one.value, 120)) },
  ])
  const columns = ['Path', 'Item', 'Measurement', 'Type', 'Value'].map((name) => ({ name }))
  const rest = payload !== null && values.length === mostRows && payload.stored > mostRows
  return html`<section><h2>Values</h2>
${table('Values that were stored', columns, rows, { isNamed: true, cards: true })}
${rest && html`<p class="muted">The first ${mostRows} of ${payload.stored}.</p>`}</section>`
}
