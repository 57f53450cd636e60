import type { z } from 'zod'
import { changePolicy, defaultPolicy, type Policy, type PolicyWords } from '#runtime/plan/read-policy.ts'
import { choice, filterForm, input, postForm } from '../design/forms.ts'
import { html, type Html } from '../design/html.ts'
import { notice } from '../design/parts.ts'
import type { planQuery } from './act-forms.ts'
import { comingSlots } from './coming-slots.ts'
import { type DeskSource, sourcesPath } from './read-sources.ts'
import { noSlotText, planText, slotList } from './source-words.ts'

type Words = z.output<typeof planQuery>
/** `query` null: nothing has been tried yet. */
type Asked = { source: DeskSource; query: Words | null; zone: string; now: number }

/** The form as `parma schedule set` takes it: an empty field removes what was set. */
export function toWords({ cron, window, jitter, attempts, backoff, overlap, zone, catch_up }: Words) {
  const filled = (text: string | undefined, otherwise: string) =>
    text === undefined || text.trim() === '' ? otherwise : text.trim()
  return {
    cron: filled(cron, 'none'),
    window: filled(window, 'none'),
    jitter: filled(jitter, '0'),
    attempts: filled(attempts, 'default'),
    backoff: filled(backoff, 'default'),
    zone: filled(zone, 'UTC'),
    catch_up: catch_up ?? 'latest',
    overlap: overlap === 'on',
  }
}

/** A plan is tried first: its next times, and then it can be saved. */
export function planMain({ source, query, zone, now }: Asked): Html {
  const path = `${sourcesPath}/${source.id}/plan`
  const policy = source.policy ?? defaultPolicy
  const shown = query ?? wordsOf(policy)
  const { catch_up, ...words } = toWords(shown)
  const tried = query === null ? policy : changePolicy(policy, { ...words, catchUp: catch_up } satisfies PolicyWords)
  return html`<p><a href="${sourcesPath}/${source.id}">Back to the source</a></p>
<p>Now: ${planText(source, policy)}. Try another plan: nothing is changed until you save it.</p>
${filterForm(path, fields(shown), 'Show the next times')}
${'problem' in tried ? notice('bad', tried.problem.replaceAll('--', '')) : preview({ source, query, zone, now }, tried, path)}`
}

function preview({ source, query, zone, now }: Asked, tried: Policy, path: string): Html {
  const slots = comingSlots(source, now, { policy: tried })
  const hidden = { revision: String(source.policy?.revision ?? 0), ...definedOf(query ?? {}) }
  return html`<section id="preview"><h2>${query === null ? 'Its next times' : 'It would run'}</h2>
<p>${planText(source, tried)}</p>
${slotList(slots, zone, noSlotText(source))}
${query !== null && postForm(path, null, 'Save this plan', hidden)}</section>`
}

const definedOf = (words: Words): Record<string, string> =>
  Object.fromEntries(Object.entries(words).filter((pair): pair is [string, string] => pair[1] !== undefined))

function wordsOf(policy: Policy): Words {
  const { cron, zone, window_from, window_to, jitter_seconds, catch_up, max_attempts, backoff_seconds, may_overlap } =
    policy
  return {
    ...{ cron: cron ?? '', zone, window: window_from === null ? '' : `${window_from}-${window_to}` },
    ...{ jitter: String(jitter_seconds), catch_up, attempts: max_attempts?.toString() ?? '' },
    ...{ backoff: backoff_seconds?.toString() ?? '', overlap: may_overlap ? ('on' as const) : ('off' as const) },
  }
}

const catchUps = [
  { value: 'latest', text: 'the newest slot' },
  { value: 'all', text: 'each slot in turn' },
  { value: 'none', text: 'none that is late' },
]
const overlaps = [
  { value: 'off', text: 'waits until no other one runs' },
  { value: 'on', text: 'may start beside another one' },
]

function fields({ cron, zone, window, jitter, catch_up, attempts, backoff, overlap }: Words): Html {
  return html`${input('text', 'cron', 'Pattern', cron, { maxlength: 200, hint: 'Minute, hour, day, month, weekday, such as 30 8 * * 1-5. Empty: its frequency.' })}
${input('text', 'zone', 'Time zone', zone, { maxlength: 80 })}
${input('text', 'window', 'Only between', window, { maxlength: 20, hint: 'Such as 08:00-18:00.' })}
${input('text', 'jitter', 'Spread over seconds', jitter, { maxlength: 6 })}
${choice('catch_up', 'After an outage runs', catchUps, catch_up ?? 'latest')}
${input('text', 'attempts', 'Attempts', attempts, { maxlength: 6, hint: 'Empty: the usual number.' })}
${input('text', 'backoff', 'Seconds to the second attempt', backoff, { maxlength: 6, hint: 'Empty: as usual.' })}
${choice('overlap', 'A run', overlaps, overlap ?? 'off')}`
}
