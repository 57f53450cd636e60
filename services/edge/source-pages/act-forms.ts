import { z } from 'zod'
import { formatCount } from '#runtime/text/format.ts'
import { hourMs } from '#runtime/text/time.ts'
import { askForm, buttonForm, choice, input, postForm } from '../design/forms.ts'
import { html, type Html } from '../design/html.ts'
import { lenient, text } from '../http/validation.ts'
import type { SuspectRun } from './read-source.ts'
import { type DeskSource, sourcesPath } from './read-sources.ts'

/** Of the plan, as the page showed it: what somebody else has changed since is not overwritten. */
const revision = lenient(z.int32().min(0))

export const runForm = z.object({
  company: text(200).optional().describe('Id or name of the only company to run; empty: all.'),
})

const lengths = { '1': '1 hour', '24': '1 day', '168': '1 week', '720': '30 days' }

export const pauseForm = z.object({
  revision,
  why: text(500).min(1).describe('For other operators.'),
  hours: z
    .enum(['', ...(Object.keys(lengths) as (keyof typeof lengths)[])])
    .describe('For how long; empty: until somebody resumes it.'),
})

export const suspectForm = z.object({
  run: lenient(z.int32().min(1)),
  state: z.enum(['released', 'dropped']).describe('The source was right, or it was wrong.'),
})

export const resumeForm = z.object({ revision })

export const planQuery = z.object({
  cron: text(200).optional().describe('Minute, hour, day of month, month, day of week; empty: its frequency.'),
  zone: text(80).optional(),
  window: text(20).optional().describe('Such as 08:00-18:00.'),
  jitter: text(10).optional().describe('Seconds.'),
  catch_up: z.enum(['latest', 'all', 'none']).optional(),
  attempts: text(10).optional(),
  backoff: text(10).optional().describe('Seconds.'),
  overlap: z.enum(['on', 'off']).optional(),
})

export const planForm = planQuery.extend({ revision })

export function endOf(hours: string, now: number): number | undefined {
  return hours === '' ? undefined : now + Number(hours) * hourMs
}

/** What an operator decides about a run whose news items are held. */
export function suspectActs(source: number, { run_no, held, flagged }: SuspectRun): Html {
  const decide = (state: z.output<typeof suspectForm>['state'], step: string, effect: string) =>
    askForm(
      `${sourcesPath}/${source}/suspect`,
      { step, text: `${effect} Its values stay stored either way. A decision cannot be taken back.` },
      { run: String(run_no), state },
    )
  const items = formatCount(held, 'news item')
  return html`${decide('released', 'The source was right', `${items} that ${held === 1 ? 'is' : 'are'} held will be sent, and later values are compared with these.`)}
${decide('dropped', 'The source was wrong', `${flagged} of ${items} ${flagged === 1 ? 'is' : 'are'} dropped${flagged < held ? ', the others are sent' : ''}. Later values are compared with those before the run.`)}`
}

/** Where a source is asked about nobody. */
function companyActs(path: string): Html {
  const names = input('text', 'names', 'New companies', '', {
    ...{ required: true, maxlength: 10_000 },
    hint: 'Names, separated by commas. Every source is asked about them.',
  })
  return html`<p class="small">It is asked about no company yet.</p>
${postForm(`${path}/companies`, names, 'Add the companies')}
${buttonForm(`${path}/link`, 'Ask it about every company that there is', {}, { look: 'plain' })}`
}

/** What an operator can do with a source. */
export function sourceActs({ id, active, policy, running, map_version, companies }: DeskSource): Html {
  const path = `${sourcesPath}/${id}`
  const seen = { revision: String(policy?.revision ?? 0) }
  const off = !active
    ? 'It is switched off: edit it to switch it on.'
    : policy?.paused
      ? 'It is paused.'
      : running !== null
        ? 'It is running.'
        : null
  const forms = policy?.paused
    ? buttonForm(`${path}/resume`, 'Resume', seen, { id: 'resume' })
    : html`<details><summary>Pause it</summary><p>No run starts meanwhile. One that has started goes on. Resuming the source undoes it.</p>
${postForm(
  `${path}/pause`,
  html`${input('text', 'why', 'Why', '', { required: true, maxlength: 500, hint: 'Other operators read it.' })}
${choice('hours', 'For', [...Object.entries(lengths).map(([value, name]) => ({ value, text: name })), { value: '', text: 'until somebody resumes it' }], '24')}`,
  'Pause',
  seen,
)}</details>`
  return html`<section id="acts" aria-label="What you can do">
${postForm(`${path}/run`, input('text', 'company', 'Only this company', '', { maxlength: 200, hint: 'Id or name; empty: all its companies.' }), 'Run now')}
${map_version === null ? postForm(`${path}/handshake`, html`<p class="field">Its module has not said yet what it measures.</p>`, 'Do the handshake') : buttonForm(`${path}/handshake`, 'Do the handshake again', {}, { look: 'plain' })}
${companies === 0 && companyActs(path)}
${off !== null && html`<p class="small">${off}</p>`}
${forms}
<p><a class="button plain" href="${path}/plan">Change its plan</a> <a class="button plain" href="${path}/edit">Change the source</a></p>
</section>`
}
