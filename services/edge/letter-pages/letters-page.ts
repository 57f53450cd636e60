import { formatCount } from '#runtime/text/format.ts'
import { excerpt } from '#runtime/text/shorten.ts'
import { choice, filterForm, input } from '../design/forms.ts'
import { html, type Html } from '../design/html.ts'
import { empty, foreign, morePages, state, table, withQuery } from '../design/parts.ts'
import { time } from '../design/time.ts'
import type { LetterFilter, LetterState } from '../letters/filter.ts'
import type { Letter } from '../letters/read-letters.ts'
import type { Redrive } from '../letters/redrive.ts'

export const lettersPath = '/console/dead-letters'

type LetterGroup = { service: string; topic: string; reason: string; letters: number }

export type LettersView = {
  filter: LetterFilter
  state: LetterState
  letters: readonly Letter[]
  next: string | null
  /** Of the filter without its topic, service and reason: what can be chosen. */
  groups: readonly LetterGroup[]
  count: number
  sources: readonly { id: number; name: string }[]
  redrives: readonly Redrive[]
  indexedAt: number | null
  zone: string
}

/** What services could not process, with a filter, and what can be done with all of it. */
export function lettersMain(view: LettersView): Html {
  const { filter, state: shown, letters, next, count, redrives, indexedAt, zone } = view
  return html`${filterPart(view)}
${
  letters.length === 0
    ? nothing(view)
    : html`<p><b>${formatCount(count, 'dead letter')}</b>${shown !== 'all' && ` ${words[shown]}`}.
${
  shown === 'open' &&
  count > 0 &&
  html`<a class="button" href="${withQuery(`${lettersPath}/replay`, filter)}">Replay all of these …</a>
<a class="button plain" href="${withQuery(`${lettersPath}/drop`, filter)}">Drop all of these …</a>`
}</p>
${listed(letters, zone)}
${morePages(next)}`
}
${redrives.length > 0 && redrivesPart(redrives, zone)}
<p class="muted">${indexedAt === null ? 'The topics of dead letters have not been read yet. Reload the page in some seconds.' : html`The topics of dead letters were read at ${time(indexedAt, zone)}.`}</p>`
}

const words: Record<Exclude<LetterState, 'all'>, string> = {
  open: 'nobody has handled',
  replayed: 'that were replayed',
  mended: 'that were mended',
  dropped: 'that were dropped',
}

function filterPart({ filter, state: shown, groups, sources }: LettersView): Html {
  const any = { value: '', text: 'Any' }
  const options = (field: 'topic' | 'service' | 'reason') => {
    const values = new Set([
      ...groups.map((group) => group[field]),
      ...(filter[field] === undefined ? [] : [filter[field]]),
    ])
    return [any, ...[...values].sort().map((value) => ({ value, text: value }))]
  }
  const fields = html`${choice('reason', 'Reason', options('reason'), filter.reason)}
${choice('topic', 'Topic', options('topic'), filter.topic)}
${choice('service', 'Service', options('service'), filter.service)}
${choice('source', 'Source', [any, ...sources.map(({ id, name }) => ({ value: String(id), text: name }))], filter.source?.toString())}
${input('date', 'since', 'Failed from', filter.since?.slice(0, 10))}
${input('date', 'until', 'before', filter.until?.slice(0, 10))}
${input('text', 'event', 'Event id', filter.event, { maxlength: 200 })}
${choice(
  'state',
  'Show',
  [
    { value: 'open', text: 'Open' },
    { value: 'replayed', text: 'Replayed' },
    { value: 'mended', text: 'Mended' },
    { value: 'dropped', text: 'Dropped' },
    { value: 'all', text: 'All' },
  ],
  shown,
)}`
  return filterForm(lettersPath, fields)
}

function nothing({ filter, state: shown }: LettersView): Html {
  return Object.values(filter).some((value) => value !== undefined) || shown !== 'open'
    ? empty('Nothing fits', 'No dead letter fits this filter.', { text: 'Show all that are open', href: lettersPath })
    : empty('No dead letters', 'Every service could process every record.', {
        text: 'Find a payload',
        href: '/console/events',
      })
}

const states = { open: 'bad', replayed: 'good', mended: 'good', dropped: 'none' } as const

export function stateOf(letter: Pick<Letter, 'state' | 'in_work' | 'trouble'>): Html {
  if (letter.in_work) return state('late', 'in work')
  return state(
    states[letter.state],
    letter.trouble === null ? letter.state : `${letter.state}: ${troubles[letter.trouble] ?? letter.trouble}`,
  )
}

const troubles: Record<string, string> = {
  'too-large': 'its topic does not take it',
  gone: 'its topic does not keep it any more',
}

function listed(letters: readonly Letter[], zone: string): Html {
  const columns = ['First failed', 'Reason', 'Service', 'Topic', 'Source', 'What was wrong', 'State'].map((name) => ({
    name,
  }))
  const rows = letters.map((one) => [
    {
      text: html`<a href="${lettersPath}/${one.letter_no}">${time(one.first_failed_at, zone)}</a>`,
      sort: one.first_failed_at,
    },
    { text: one.reason },
    { text: one.service },
    { text: one.topic },
    { text: one.source !== null && foreign(one.source) },
    { text: foreign(excerpt(one.message, 120)) },
    { text: stateOf(one) },
  ])
  return table('Dead letters, those that failed last first', columns, rows, { sortable: true, cards: true })
}

const redriveStates = { running: 'late', done: 'good', stopped: 'none' } as const

function redrivesPart(redrives: readonly Redrive[], zone: string): Html {
  const columns = [
    { name: 'When' },
    { name: 'What' },
    { name: 'Who' },
    { name: 'State' },
    { name: 'Letters', isNumber: true },
  ]
  const rows = redrives.map((one) => [
    { text: html`<a href="${lettersPath}/redrives/${one.redrive_id}">${time(one.asked_at, zone)}</a>` },
    { text: one.kind },
    { text: foreign(one.actor) },
    { text: state(redriveStates[one.state], one.state) },
    { text: `${one.done} of ${one.total}` },
  ])
  return html`<section><h2>Replays and drops</h2>
${table('The newest replays and drops', columns, rows, { isNamed: true, cards: true })}</section>`
}
