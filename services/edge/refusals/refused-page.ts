import { formatCount } from '#runtime/text/format.ts'
import { excerpt } from '#runtime/text/shorten.ts'
import { remedyOf } from '#runtime/understand/remedies.ts'
import { buttonForm, choice, filterForm, input, postForm } from '../design/forms.ts'
import { html, type Html } from '../design/html.ts'
import { empty, foreign, state, table, withQuery } from '../design/parts.ts'
import { time } from '../design/time.ts'
import { withCode } from '../design/with-code.ts'
import { mostGroups, type RefusedChoices, type RefusedGroup, type RefusedQuery } from './read-refusals.ts'

export const refusedPath = '/console/refused'

/** What was refused or not named by a map, with what to do about it. */
export function refusedMain(view: {
  query: RefusedQuery
  groups: readonly RefusedGroup[]
  choices: RefusedChoices
  said: Html | null
  zone: string
}): Html {
  const { query, groups, choices, said, zone } = view
  const any = { value: '', text: 'Any' }
  const fields = html`${choice('source', 'Source', [any, ...choices.sources.map(({ id, name }) => ({ value: String(id), text: name }))], query.source?.toString())}
${choice('reason', 'Reason', [any, ...choices.reasons.map((reason) => ({ value: reason, text: reason }))], query.reason)}
${input('text', 'path', 'Path', query.path, { maxlength: 2000 })}
${input('date', 'since', 'From', query.since?.slice(0, 10))}
${input('date', 'until', 'before', query.until?.slice(0, 10))}
${choice(
  'show',
  'Show',
  [
    { value: 'open', text: 'What counts' },
    { value: 'all', text: 'Also what is ignored' },
  ],
  query.show,
)}`
  return html`${said}${filterForm(refusedPath, fields)}
${query.event !== undefined && html`<p>Only of <a href="/console/events/${query.event}">one payload</a>. <a href="${refusedPath}">Show all</a></p>`}
${groups.length === 0 ? nothing(query) : listed(groups, query, zone)}`
}

function nothing(query: RefusedQuery): Html {
  const isFiltered = Object.entries(query).some(
    ([name, value]) => name !== 'show' && name !== 'change' && value !== undefined,
  )
  return isFiltered
    ? empty('Nothing fits', 'No refused value that is still open fits this filter.', {
        text: 'Show all',
        href: refusedPath,
      })
    : empty('Nothing is refused', 'Every value of every payload is stored, null, or ignored on purpose.', {
        text: 'Find a payload',
        href: '/console/events',
      })
}

function listed(groups: readonly RefusedGroup[], query: RefusedQuery, zone: string): Html {
  const columns = [
    ...[{ name: 'Path' }, { name: 'Source' }, { name: 'Reason' }, { name: 'Payloads', isNumber: true }],
    ...[
      { name: 'Companies', isNumber: true },
      { name: 'Newest' },
      { name: 'Samples' },
      { name: 'Remedy and next step' },
    ],
  ]
  const { change: _, ...filters } = query
  const back = withQuery(refusedPath, filters)
  const rows = groups.slice(0, mostGroups).map((group) => [
    { text: group.path === '' ? 'the whole payload' : html`<code>${excerpt(group.path, 160)}</code>` },
    { text: foreign(group.source) },
    { text: group.ignored ? state('none', `${group.reason}, ignored`) : state('bad', group.reason) },
    { text: group.payloads },
    { text: group.companies },
    { text: time(group.newest, zone), sort: group.newest },
    {
      text: html`${group.samples.map((sample) => html`<div dir="auto"><code>${excerpt(sample, 120)}</code></div>`)}`,
    },
    { text: html`${nextSteps(group)}${ignoring(group, back)}` },
  ])
  return html`${table('What was refused, by path and reason', columns, rows, { sortable: true, cards: true })}
${groups.length > mostGroups && html`<p>These are the ${mostGroups} largest groups. Choose a source or a reason to see others.</p>`}`
}

/** The remedy in words, and where it is done. */
function nextSteps(group: RefusedGroup): Html {
  const { data_source_id: source, reason, event_id } = group
  const maps = `/console/sources/${source}/maps`
  const remedy =
    reason === 'unmapped' ? 'Add the path to the map of the module and do the handshake again.' : remedyOf(reason)
  return html`${withCode(remedy)}
<ul><li><a href="${maps}">Try a changed map</a></li>
<li><a href="${withQuery('/console/replays', { source })}">Replay from raw</a></li>
<li><a href="/console/events/${event_id}">Newest payload</a></li></ul>`
}

/** Ignoring the path of a group, with a reason, or undoing that. A payload as a whole is not ignored. */
function ignoring({ data_source_id, path, source, ignored, payloads }: RefusedGroup, back: string): Html | null {
  if (path === '') return null
  const fields = { source: String(data_source_id), path, back }
  if (ignored) {
    const label = `Count it again: ${excerpt(path, 80)} of ${excerpt(source, 40)}`
    return buttonForm(`${refusedPath}/count`, 'Count it again', fields, { look: 'plain', label })
  }
  const why = input('text', 'reason', 'Why', undefined, { required: true, maxlength: 500 })
  return html`<details><summary>Ignore this path</summary>
<p>${formatCount(payloads, 'payload')} no longer count${payloads === 1 ? 's' : ''} as refused there, nor do later ones. Nothing is deleted. To undo that, show also what is ignored.</p>
${postForm(`${refusedPath}/ignore`, why, 'Ignore it', fields)}</details>`
}
