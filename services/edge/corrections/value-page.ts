import { excerpt } from '#runtime/text/shorten.ts'
import { buttonForm, input, postForm } from '../design/forms.ts'
import { html, type Html } from '../design/html.ts'
import { facts, foreign, table } from '../design/parts.ts'
import { time } from '../design/time.ts'
import { type EarlierValue, type StoredValue, typedValue } from './read-value.ts'

export const valuesPath = '/console/values'

/** Longer ones are put back by `parma values correct`: a form takes no more. */
const longestTyped = 20_000
const longestShown = 300

/** A value, those before it, and the form that puts another one in its place. */
export function valueMain(view: {
  value: StoredValue
  earlier: readonly EarlierValue[]
  said: Html | null
  zone: string
}): Html {
  const { value, earlier, said, zone } = view
  const typed = typedValue(value)
  const here = `${valuesPath}/${value.event_id}/${value.seq}`
  const seen = { revision: String(value.revision) }
  const fields = [
    input('text', 'value', 'What is right', typed.slice(0, longestTyped), {
      ...{ required: true, maxlength: longestTyped },
      hint: value.members === null ? `A value of the type ${value.type}.` : 'A list, as JSON.',
    }),
    input('text', 'reason', 'Why', undefined, { required: true, maxlength: 500 }),
  ]
  return html`${said}${facts([
    ['Value', foreign(excerpt(typed, longestShown))],
    ['How it came', origin(value)],
    [
      'Company',
      html`<a href="/console/companies/${value.company_id}">${foreign(excerpt(value.company ?? String(value.company_id), 80))}</a>`,
    ],
    ['Measurement', value.measurement !== null && foreign(excerpt(value.measurement, 80))],
    ['Source', foreign(value.source_name)],
    ['Observed', time(value.observed_at, zone)],
    ['Path', html`<code>${excerpt(value.path, 200)}</code>`],
    ['List item', value.item_key !== null && foreign(excerpt(value.item_key, 200))],
    ['Payload', html`<a href="/console/events/${value.event_id}">${value.event_id}</a>`],
  ])}
<section id="correct"><h2>Correct it</h2>
<p>Another value takes its place in charts, detectors and parma-web. This one is kept, and can be put back. Nobody is notified.</p>
${postForm(here, fields, 'Correct it', seen)}</section>
<section id="earlier"><h2>Earlier values</h2>
${earlier.length === 0 ? html`<p>None: it is as it was stored first.</p>` : earlierTable(earlier, { here, seen, zone })}</section>`
}

function origin({ corrected_by, correction_reason, replay_id, processed_at }: StoredValue): string {
  if (corrected_by !== null) return `Corrected by ${corrected_by}: ${excerpt(correction_reason ?? '', longestShown)}`
  return replay_id === ''
    ? 'As its module sent it'
    : `Read again on ${new Date(processed_at).toISOString().slice(0, 10)}`
}

function earlierTable(
  earlier: readonly EarlierValue[],
  { here, seen, zone }: { here: string; seen: { revision: string }; zone: string },
): Html {
  const columns = [
    ...[{ name: 'Value' }, { name: 'Until' }, { name: 'Replaced by' }],
    { name: html`<span class="hidden-text">Put back</span>` },
  ]
  const rows = earlier.map((one) => {
    const typed = typedValue(one)
    const by =
      one.corrected_by === null
        ? 'a replay'
        : `${one.corrected_by}: ${excerpt(one.correction_reason ?? '', longestShown)}`
    const fields = { ...seen, value: typed, reason: `Back to what stood here before: ${excerpt(typed, 100)}` }
    const label = `Put it back: ${excerpt(typed, 80)}`
    return [
      { text: foreign(excerpt(typed, longestShown)) },
      { text: time(one.superseded_at, zone) },
      { text: foreign(by) },
      { text: typed.length <= longestTyped && buttonForm(here, 'Put it back', fields, { look: 'quiet', label }) },
    ]
  })
  return table('Earlier values, the newest first', columns, rows, { isNamed: true, cards: true })
}
