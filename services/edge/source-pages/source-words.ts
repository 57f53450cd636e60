import { z } from 'zod'
import { capitalize, formatCount, formatNumber } from '#runtime/text/format.ts'
import type { Policy } from '#runtime/plan/read-policy.ts'
import type { Session } from '../access/sessions.ts'
import { id } from '../ask/parameters.ts'
import { html, type Html, type Content } from '../design/html.ts'
import { messagePage } from '../design/layout.ts'
import { state, stateSigns } from '../design/parts.ts'
import { time } from '../design/time.ts'
import type { RouteResponse } from '../http/response.ts'
import { type DeskSource, type ShownRun, sourcesPath } from './read-sources.ts'

type Look = Parameters<typeof state>[0]

const incidentWords: Record<string, string> = {
  'suspect-run': 'suspect',
  'source-down': 'down',
  stale: 'stale',
  due: 'late',
  standstill: 'stands still',
}

/** What an incident is called in a line. */
export const incidentWord = (kind: string): string => incidentWords[kind] ?? kind.replaceAll('-', ' ')

/** How a source is, what is wrong first. */
export function sourceState({ active, policy, health, incidents, running }: DeskSource, zone: string): Html {
  if (!active) return state('none', 'switched off')
  if (policy?.paused)
    return state(
      'late',
      policy.paused_until === null ? 'paused' : html`paused until ${time(policy.paused_until, zone)}`,
    )
  const [first] = incidents
  if (health?.status === 'DOWN') return state('bad', 'down')
  if (first)
    return state(first.kind === 'due' || first.kind === 'standstill' ? 'late' : 'bad', incidentWord(first.kind))
  if (running !== null) return state('good', 'running')
  if (health === null) return state('none', 'has not run yet')
  return state('good', 'up')
}

const outcomes: Record<string, { look: Look; word: string }> = {
  ok: { look: 'good', word: 'ok' },
  partial: { look: 'late', word: 'partial' },
  failed: { look: 'bad', word: 'failed' },
  open: { look: 'none', word: 'not over yet' },
}
const outcomeOf = ({ outcome }: Pick<ShownRun, 'outcome'>) => outcomes[outcome ?? 'open']!

/** How a run ended: a shape in a colour, and a word. */
export function outcomeState(run: Pick<ShownRun, 'outcome'>): Html {
  const { look, word } = outcomeOf(run)
  return state(look, word)
}

/** Runs as shapes in a row, the newest last, and how many ended how in words. */
export function runDots(runs: readonly ShownRun[]): Html {
  if (runs.length === 0) return html`<span class="muted">no run yet</span>`
  const dots = runs.map(
    (run) =>
      html`<span class="state ${outcomeOf(run).look}"><span aria-hidden="true">${stateSigns[outcomeOf(run).look]}</span></span>`,
  )
  const words = Object.keys(outcomes).flatMap((name) => {
    const count = runs.filter(({ outcome }) => (outcome ?? 'open') === name).length
    return count > 0 ? [`${count} ${outcomes[name]!.word}`] : []
  })
  const last = runs.map((run) => outcomeOf(run).word).join(', ')
  return html`<span class="dots" role="img" aria-label="The last ${formatCount(runs.length, 'run')}, the newest last: ${last}">${dots}</span><br><small>${words.join(', ')}</small>`
}

/** Fewer runs are no habit. */
const fewestForHabit = 4

/** What runs usually feed: the middle of those before; null: they are too few. */
function habitOf(runs: readonly ShownRun[]): number | null {
  const fed = runs.filter(({ outcome, regular }) => outcome !== null && regular).map((run) => run.fed)
  if (fed.length < fewestForHabit) return null
  return fed.toSorted((a, b) => a - b)[Math.floor(fed.length / 2)]!
}

/** What a run fed, against what runs of its source usually feed. `before`: those before it. */
export function volumeText({ fed, outcome }: ShownRun, before: readonly ShownRun[]): Content {
  const usual = habitOf(before)
  if (usual === null) return formatNumber(fed)
  const text = `${formatNumber(fed)}, usually ${formatNumber(usual)}`
  if (outcome === null || usual === 0) return text
  if (fed < usual / 2) return state('bad', `${text}: far less`)
  return fed > usual * 2 ? state('late', `${text}: far more`) : text
}

/** When a source runs, in words. */
export function planText({ frequency }: Pick<DeskSource, 'frequency'>, policy: Policy | null): string {
  const rhythm = policy?.cron ? `${policy.cron} (${policy.zone})` : frequency.toLowerCase()
  const window = policy?.window_from ? `, only ${policy.window_from}–${policy.window_to} ${policy.zone}` : ''
  return `${capitalize(rhythm)}${window}`
}

/** Times of slots to come, as a list. `otherwise`: what is said where there are none. */
export function slotList(slots: readonly number[], zone: string, otherwise: string): Html {
  if (slots.length === 0) return html`<span class="muted">${otherwise}</span>`
  return html`<ol class="plain-list compact">${slots.map((slot) => html`<li>${time(slot, zone)}</li>`)}</ol>`
}

/** Why no slot is known. */
export function noSlotText({ active, policy, latest }: DeskSource): string {
  if (!active) return 'None while it is switched off.'
  if (policy?.paused) return 'None until somebody resumes it.'
  return latest === null ? 'Soon after its handshake.' : 'None.'
}

export const sourceParams = z.object({ source_id: id })

/** For a source that was deleted, also while its page was open. */
export function noSource(viewer: Session): RouteResponse {
  return messagePage(404, 'Source not found', 'It was deleted, or never existed. Nothing was changed.', {
    viewer,
    next: { text: 'Go to the sources', href: sourcesPath },
  })
}
