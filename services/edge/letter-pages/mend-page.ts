import { excerpt } from '#runtime/text/shorten.ts'
import { input, postForm } from '../design/forms.ts'
import { html, type Html } from '../design/html.ts'
import { notice } from '../design/parts.ts'
import type { Letter } from '../letters/read-letters.ts'
import { lettersPath } from './letters-page.ts'

/** Edits the record of a dead letter. `fault`: what is wrong with what was sent. */
export function mendMain({
  letter,
  text,
  why,
  fault,
}: {
  letter: Letter
  text: string
  why: string
  fault: string | null
}): Html {
  const isPayload = letter.topic.startsWith('mining.raw-payloads')
  const fields = html`<label class="field"><span>${isPayload ? 'Body' : 'Fields'}, JSON</span><textarea name="edited" rows="20" maxlength="40000" required spellcheck="false">
${text}</textarea></label>
${input('text', 'why', 'Why', why, { required: true, maxlength: 500 })}`
  return html`${fault !== null && notice('bad', `Nothing was sent: ${excerpt(fault, 500)}`)}
<p>What you write is sent as a new record that names this one as its origin. It is checked against the schema first; the audit keeps both.
${isPayload ? 'It is a payload of its own for all services, stored beside the one that came, and understood by the newest map.' : `Only ${letter.service} gets it.`}</p>
${postForm(`${lettersPath}/mend/${letter.letter_no}`, fields, 'Send the mended record')}
<p><a href="${lettersPath}/${letter.letter_no}">Back, and change nothing</a></p>`
}
