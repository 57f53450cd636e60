import { formatCount } from '#runtime/text/format.ts'
import { askForm, buttonForm, input, postForm } from '../design/forms.ts'
import { html, type Html } from '../design/html.ts'
import { empty, facts, foreign, state, withQuery } from '../design/parts.ts'
import { time } from '../design/time.ts'
import type { LetterFilter } from '../letters/filter.ts'
import { maxReplays } from '../letters/filter.ts'
import type { Redrive } from '../letters/redrive.ts'
import { lettersPath } from './letters-page.ts'

/** A filter as fields of a form. */
function fieldsOf(filter: LetterFilter): Record<string, string> {
  return Object.fromEntries(
    Object.entries(filter).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])),
  )
}

/** What is asked about, as it is when the page is made. `newest`: number of the newest dead letter; later ones are left. */
export type AskedLetters = {
  filter: LetterFilter
  letters: number
  leftAlone: number
  newest: number | null
  key: string
}

const seenFields = ({ filter, newest, key }: AskedLetters) => ({
  ...fieldsOf(filter),
  ...(newest !== null && { up_to: String(newest) }),
  key,
})

/** Asks whether to replay, with the count. */
export function askReplayMain(asked: AskedLetters): Html {
  const { filter, letters, leftAlone } = asked
  if (letters === 0) return noneLeft(filter)
  return html`<p>This sends <b>${formatCount(letters, 'dead letter')}</b> to the services that could not process them, and to nobody else. Each is sent once; what took effect before has no effect again.</p>
${described(filter)}
${leftAlone > 0 && html`<p>${formatCount(leftAlone, 'dead letter')} failed again after ${maxReplays} replays and will be left. <code>parma dlq replay --force</code> sends them too.</p>`}
<p>A replay cannot be taken back, but it can be stopped: what is not sent yet stays open then.</p>
${postForm(`${lettersPath}/replay`, input('text', 'why', 'Why (for the audit)', undefined, { maxlength: 500 }), `Replay ${formatCount(letters, 'dead letter')}`, seenFields(asked))}
<p><a href="${withQuery(lettersPath, filter)}">Back, and change nothing</a></p>`
}

/** Asks whether to drop, with the count and how to undo it. */
export function askDropMain(asked: AskedLetters): Html {
  const { filter, letters } = asked
  if (letters === 0) return noneLeft(filter)
  return html`<p>This marks <b>${formatCount(letters, 'dead letter')}</b> as dropped: no service processes them. Their records stay on their topic for 30 days, and until then the page of the drop can open them again.</p>
${described(filter)}
${postForm(`${lettersPath}/drop`, input('text', 'why', 'Why they are dropped', undefined, { required: true, maxlength: 500 }), `Drop ${formatCount(letters, 'dead letter')}`, seenFields(asked))}
<p><a href="${withQuery(lettersPath, filter)}">Back, and change nothing</a></p>`
}

function noneLeft(filter: LetterFilter): Html {
  return empty('Nothing is left to do', 'No open dead letter fits this filter: somebody may have handled them since.', {
    text: 'Back to the list',
    href: withQuery(lettersPath, filter),
  })
}

function described(filter: LetterFilter): Html {
  const rows = Object.entries(fieldsOf(filter)).map(([name, value]) => [name, foreign(value)] as const)
  return rows.length === 0 ? html`<p>All that are open, without a filter.</p>` : facts(rows)
}

const stopping = ({ kind, done, total }: Redrive) =>
  `${done} of ${formatCount(total, 'dead letter')} ${done === 1 ? 'is' : 'are'} ${kind === 'drop' ? 'dropped' : 'sent'}. The others stay open, and the same can be begun again for them.`

const kinds = { running: 'late', done: 'good', stopped: 'none' } as const

/** How far a replay or drop is. */
export function redriveMain({ redrive, key, zone }: { redrive: Redrive; key: string; zone: string }): Html {
  const { redrive_id, kind, done, failed, total, state: is } = redrive
  const path = `${lettersPath}/redrives/${redrive_id}`
  const percent = total === 0 ? 100 : Math.floor((100 * (done + failed)) / total)
  return html`<p>${state(kinds[is], is)} <label>${done + failed} of ${formatCount(total, 'dead letter')} <progress max="100" value="${percent}">${percent}%</progress></label></p>
${is === 'running' && html`<p><a class="button plain" href="${path}">Look again</a></p>`}
${facts([
  ['What', kind],
  ['Who', foreign(redrive.actor)],
  ['Why', redrive.reason !== null && foreign(redrive.reason)],
  ['Begun', time(redrive.asked_at, zone)],
  ['Ended', redrive.ended_at !== null && time(redrive.ended_at, zone)],
  [
    'Filter',
    Object.entries(redrive.filter)
      .map(([name, value]) => `${name} ${String(value)}`)
      .join(', ') || 'all',
  ],
  [kind === 'drop' ? 'Dropped' : 'Sent', done],
  ['Could not be sent', failed > 0 && failed],
  ['Failed again', redrive.came_back > 0 && redrive.came_back],
  ['Left, they failed too often', redrive.left_alone > 0 && redrive.left_alone],
])}
${is === 'running' && askForm(`${path}/stop`, { step: 'Stop it', text: stopping(redrive) }, { key })}
${kind === 'drop' && done > 0 && html`<p>To undo it, open them again:</p>${buttonForm(`${path}/undo`, 'Open them again', { key }, { look: 'plain', id: 'undo' })}`}
<p><a href="${lettersPath}">All dead letters</a></p>`
}
