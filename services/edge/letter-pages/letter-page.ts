import { formatNumber } from '#runtime/text/format.ts'
import { buttonForm, input, postForm } from '../design/forms.ts'
import { html, type Html } from '../design/html.ts'
import { facts, foreign, table, withQuery } from '../design/parts.ts'
import { time } from '../design/time.ts'
import type { Letter } from '../letters/read-letters.ts'
import { lettersPath, stateOf } from './letters-page.ts'

export type LetterView = {
  letter: Letter
  relatives: readonly { letter_no: number; way: 'before' | 'after'; reason: string }[]
  /** Null: its topic does not keep it any more. */
  record: { headers: Record<string, string>; value: unknown; fields: readonly FieldDoc[] } | null
  /** Why it cannot be mended; null: it can. */
  whyNotMend: string | null
  /** Of its form, so that one that is sent twice acts once. */
  key: string
  zone: string
}

/** A field of the record’s schema. */
export type FieldDoc = { name: string; type: string; doc: string }

/** One dead letter: what was wrong, the record beside its schema, where it came from, what was done. */
export function letterMain({ letter, relatives, record, whyNotMend, key, zone }: LetterView): Html {
  const isOpen = letter.state === 'open' && !letter.in_work
  return html`${facts([
    ['State', stateOf(letter)],
    ['Reason', letter.reason],
    ['What was wrong', foreign(letter.message)],
    ['Stage', letter.stage],
    ['Service', letter.service],
    ['Topic', letter.topic],
    ['Came from', letter.from_offset !== null && `partition ${letter.from_partition}, offset ${letter.from_offset}`],
    ['Dead letter', html`<code>${letter.id}</code>`],
    ['Event', letter.event_id !== null && eventLink(letter.event_id)],
    ['Source', letter.source !== null && foreign(letter.source)],
    ['Key', letter.record_key !== null && foreign(letter.record_key)],
    ['Size', `${formatNumber(letter.bytes)} bytes`],
    ['Left out', letter.left_out],
    ['First failed', time(letter.first_failed_at, zone)],
    ['Replays before', letter.replays > 0 && letter.replays],
    [
      'Handled',
      letter.handled_at !== null &&
        html`${time(letter.handled_at, zone)} by ${foreign(letter.handled_by ?? 'somebody')}`,
    ],
    ['Why', letter.handled_why !== null && foreign(letter.handled_why)],
    ...relatives.map(
      ({ letter_no, way, reason }) =>
        [
          way === 'before' ? 'Replay of' : 'Came back as',
          html`<a href="${lettersPath}/${letter_no}">dead letter ${letter_no}</a> (${reason})`,
        ] as const,
    ),
  ])}
${isOpen && actions(letter, { whyNotMend, key })}
${record === null ? html`<p>Its topic does not keep the record any more, so it can only be dropped.</p>` : recordPart(record)}
<p><a href="${withQuery(lettersPath, { reason: letter.reason, topic: letter.topic, service: letter.service })}">All like this one</a> · <a href="${lettersPath}">All dead letters</a></p>`
}

function eventLink(eventId: string): Html {
  const isId = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(eventId)
  return isId ? html`<a href="/console/events/${eventId}">${eventId}</a>` : foreign(eventId)
}

function actions(letter: Letter, { whyNotMend, key }: { whyNotMend: string | null; key: string }): Html {
  return html`<section id="act"><h2>What to do</h2>
<p>Remove the cause first. A replay sends the record to ${letter.service} only, with the same ids: what took effect before has none again.</p>
<div class="actions">${buttonForm(`${lettersPath}/replay`, 'Replay it', { id: letter.id, key }, { id: 'replay' })}
${whyNotMend === null && html`<a class="button plain" href="${lettersPath}/mend/${letter.letter_no}">Mend it …</a>`}</div>
${whyNotMend !== null && html`<p class="muted">It cannot be mended: ${whyNotMend}</p>`}
<p>A drop leaves it unprocessed. Its record stays on its topic for 30 days, and until then the page of the drop can open it again.</p>
${postForm(`${lettersPath}/drop`, input('text', 'why', 'Why it is dropped', undefined, { required: true, maxlength: 500 }), 'Drop it', { id: letter.id, key })}
</section>`
}

function recordPart({ headers, value, fields }: NonNullable<LetterView['record']>): Html {
  const isRead = typeof value === 'object' && value !== null && !('not_readable' in value)
  const values = (isRead ? value : {}) as Record<string, unknown>
  const rows = fields.map(({ name, type, doc }) => [
    { text: name },
    { text: html`<pre dir="auto">${shown(values[name])}</pre>` },
    { text: type },
    { text: doc },
  ])
  const columns = ['Field', 'Value', 'Type', 'Meaning'].map((name) => ({ name }))
  const headerRows = Object.entries(headers).map(([name, text]) => [{ text: name }, { text: foreign(text) }])
  return html`<section><h2>The record</h2>
${
  isRead
    ? table('The record beside its schema', columns, rows, { isNamed: true, cards: true })
    : html`<p>It cannot be read by its schema:</p>
<div class="scroll" role="region" aria-label="What it holds" tabindex="0"><pre dir="auto">${JSON.stringify(value, null, 2)}</pre></div>`
}</section>
<section><h2>Its headers</h2>
${table('Headers of the record', [{ name: 'Header' }, { name: 'Value' }], headerRows, { isNamed: true })}</section>`
}

function shown(value: unknown): string {
  if (typeof value !== 'string') return value === undefined ? '' : JSON.stringify(value, null, 2)
  try {
    return /^\s*[[{]/.test(value) ? JSON.stringify(JSON.parse(value), null, 2) : value
  } catch {
    return value
  }
}
