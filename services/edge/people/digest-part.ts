import { excerpt } from '#runtime/text/shorten.ts'
import { describeRhythm, weekdays } from '../audience/describe-audience.ts'
import { askForm, checkbox, choice, input, postForm } from '../design/forms.ts'
import { html, type Html } from '../design/html.ts'
import { foreign, table } from '../design/parts.ts'
import type { PersonView } from './read-people.ts'

type Detail = PersonView['detail']

export const rhythms = ['daily', 'weekly', 'monthly', 'off'] as const
const rhythmTexts = { daily: 'Daily', weekly: 'Weekly', monthly: 'Monthly', off: 'None' }

const removing = 'The usual digest comes instead. Setting it again undoes that.'

/** Which digests a person has set, and a form to set one. */
export function digestPart(detail: Detail, base: string, zone: string): Html {
  const { digests, digest_revision: revision } = detail
  const rows = digests.map((digest) => {
    const about = digest.bucket_id === null ? 'All that they follow' : (digest.bucket ?? 'a deleted bucket')
    const fields = { revision, ...(digest.bucket_id !== null && { bucket: String(digest.bucket_id) }) }
    const label = `Remove: the digest about ${excerpt(about, 60)}`
    return [
      { text: foreign(excerpt(about, 60)) },
      { text: `${describeRhythm(digest)}${digest.all_quiet ? ', also when all is quiet' : ''}` },
      { text: askForm(`${base}/digest-remove`, { step: 'Remove', label, text: removing }, fields) },
    ]
  })
  const columns = [{ name: 'About' }, { name: 'When' }, { name: html`<span class="hidden-text">Remove</span>` }]
  return html`<section id="digests"><h2>Digests</h2>
${rows.length > 0 ? table('Digests that they have set', columns, rows, { isNamed: true, cards: true }) : html`<p>They have set none: the usual digest comes.</p>`}
${postForm(`${base}/digest`, digestFields(detail, zone), 'Set the digest', { revision })}</section>`
}

function digestFields({ digests, channels }: Detail, zone: string): Html[] {
  const own = digests.find(({ bucket_id }) => bucket_id === null)
  const hours = Array.from({ length: 24 }, (_, hour) => ({
    value: String(hour),
    text: `${String(hour).padStart(2, '0')}:00`,
  }))
  const days = weekdays.map((text, at) => ({ value: String(at + 1), text }))
  const places = channels
    .filter(({ purpose }) => purpose === 'REPORT')
    .map(({ channel_id, destination }) => ({ value: String(channel_id), text: excerpt(destination, 60) }))
  return [
    input('number', 'bucket', 'Bucket (id)', undefined, { hint: 'Empty: about all that they follow.' }),
    choice(
      'rhythm',
      'How often',
      rhythms.map((value) => ({ value, text: rhythmTexts[value] })),
      own?.rhythm ?? 'weekly',
    ),
    choice('weekday', 'Day of a weekly one', days, String(own?.weekday ?? 1)),
    choice('hour', 'Time', hours, String(own?.hour ?? 8)),
    input('text', 'zone', 'Its time zone', own?.zone ?? zone, { required: true, maxlength: 80 }),
    choice(
      'channel',
      'Where',
      [{ value: '', text: 'Every channel for digests' }, ...places],
      own?.channel_id?.toString(),
    ),
    checkbox('all_quiet', 'Also when all is quiet', own?.all_quiet ?? false),
  ]
}
