import { formatCount } from '#runtime/text/format.ts'
import { excerpt } from '#runtime/text/shorten.ts'
import { choice, filterForm, input } from '../design/forms.ts'
import { html, type Html } from '../design/html.ts'
import { empty, foreign, morePages, state, table } from '../design/parts.ts'
import { time } from '../design/time.ts'
import { type Delivery, type DeliveryFilters, type Parked, states } from './read-deliveries.ts'

export const path = '/console/deliveries'

type DeliveriesMain = {
  filters: DeliveryFilters
  rows: readonly Delivery[]
  parked: readonly Parked[]
  next: string | null
  said: Html | null
  zone: string
}

/** The delivery log below its heading. */
export function deliveriesMain({ filters, rows, parked, next, said, zone }: DeliveriesMain): Html {
  const isFiltered = Object.values(filters).some((value) => value !== undefined)
  const list =
    rows.length > 0
      ? [deliveryTable(rows, zone), morePages(next)]
      : isFiltered
        ? empty('No message fits these filters', 'Messages of another time or state may.', {
            ...{ text: 'Show all messages', href: path },
          })
        : empty('No message was made yet', 'Messages come when somebody follows a company of which there is news.', {
            ...{ text: 'See who follows what', href: '/console/people' },
          })
  return html`${said}${parkedPart(parked, zone)}
<section id="log"><h2>Messages</h2>
${filterForm(`${path}#log`, fields(filters))}
${list}</section>`
}

const words: Record<(typeof states)[number], { kind: 'good' | 'late' | 'bad' | 'none'; text: string }> = {
  pending: { kind: 'none', text: 'Waits' },
  sending: { kind: 'late', text: 'Is being sent' },
  sent: { kind: 'good', text: 'Sent' },
  failed: { kind: 'bad', text: 'Failed' },
  unknown: { kind: 'late', text: 'Unknown: it may have arrived' },
}

export function stateOf({ state: held }: Pick<Delivery, 'state'>): Html {
  const { kind, text } = words[held]
  return state(kind, text)
}

const kinds = { news: 'News', ops: 'Operations', digest: 'Digest', test: 'Test', sign_in: 'Sign-in link' } as const
const kindName = (kind: string) => kinds[kind as keyof typeof kinds] ?? kind

function fields({ state, channel, kind, person, destination, about, since, until }: DeliveryFilters): Html[] {
  const all = { value: '', text: 'All' }
  return [
    choice('state', 'State', [all, ...states.map((value) => ({ value, text: words[value].text }))], state),
    choice(
      'channel',
      'Channel',
      [all, ...['EMAIL', 'SLACK', 'WEBHOOK'].map((value) => ({ value, text: value }))],
      channel,
    ),
    choice('kind', 'Kind', [all, ...Object.entries(kinds).map(([value, text]) => ({ value, text }))], kind),
    input('number', 'person', 'Person (id)', person?.toString()),
    input('number', 'destination', 'Destination (id)', destination?.toString()),
    input('search', 'about', 'News item or event (id)', about, { maxlength: 36 }),
    input('date', 'since', 'From (UTC)', since?.slice(0, 10)),
    input('date', 'until', 'Before (UTC)', until?.slice(0, 10)),
  ]
}

/** Shown of the people of one message. */
const mostPeople = 3

export function peopleOf({ people }: Pick<Delivery, 'people'>, most = mostPeople): Html {
  if (people.length === 0) return html`–`
  const shown = people
    .slice(0, most)
    .map(({ id, name }, at) => html`${at > 0 && ', '}<a href="/console/people/${id}">${foreign(excerpt(name, 60))}</a>`)
  return html`${shown}${people.length > most && ` and ${people.length - most} more`}`
}

/** What a kind of message is called, and where it went. */
export const whereTo = ({ channel, address }: Pick<Delivery, 'channel' | 'address'>) =>
  html`${channel} ${foreign(excerpt(address, 80))}`

export function deliveryTable(rows: readonly Delivery[], zone: string, caption = 'Messages'): Html {
  const cells = rows.map((row) => [
    { text: html`<a href="${path}/${row.id}">${foreign(excerpt(row.subject, 100))}</a>` },
    { text: time(row.at, zone), sort: row.at },
    { text: kindName(row.kind) },
    { text: peopleOf(row) },
    { text: html`<a href="${path}?destination=${row.destination_id}#log">${whereTo(row)}</a>` },
    { text: stateOf(row) },
    { text: row.reason === null ? '–' : foreign(excerpt(row.reason, 120)) },
  ])
  const columns = ['Message', 'Made', 'Kind', 'Person', 'Where', 'State', 'Why'].map((name) => ({ name }))
  return table(caption, columns, cells, { isNamed: true, cards: true })
}

function parkedPart(parked: readonly Parked[], zone: string): Html | null {
  if (parked.length === 0) return null
  const rows = parked.map((one) => [
    { text: whereTo(one) },
    { text: time(one.since, zone), sort: one.since },
    { text: foreign(excerpt(one.reason ?? 'unknown', 200)) },
    { text: String(one.waiting), sort: one.waiting },
    {
      text: html`<a id="d-${one.destination_id}" href="/console/destinations/${one.destination_id}" aria-label="Test or unpark ${excerpt(one.address, 80)}">Test or unpark</a>`,
    },
  ])
  const next = { name: html`<span class="hidden-text">Next step</span>` }
  const columns = [{ name: 'Where' }, { name: 'Since' }, { name: 'Why' }, { name: 'Waiting', isNumber: true }, next]
  return html`<section id="parked"><h2>Parked: ${formatCount(parked.length, 'destination')}</h2>
<p>Nothing is sent there until a test message arrives or somebody unparks it.</p>
${table('Parked destinations', columns, rows, { isNamed: true, cards: true })}</section>`
}
