import { formatChange, formatCount } from '#runtime/text/format.ts'
import { excerpt } from '#runtime/text/shorten.ts'
import { dayMs } from '#runtime/text/time.ts'
import { type Content, html, type Html } from '../design/html.ts'
import { foreign, state } from '../design/parts.ts'
import type { Freshness } from '../growth/freshness.ts'
import type { gaps } from '../growth/grow.ts'

/** Longer names are cut: some modules send whole pages. */
const longestName = 160
const longestLink = 80

/** A name as it stands in a heading, link or table, whatever it holds. */
export function nameOf(name: string | null, otherwise = 'deleted'): string {
  return (name === null ? '' : excerpt(name, longestName)) || otherwise
}

/** The same as markup within a line or table. */
export function named(name: string | null, otherwise?: string): Html {
  return foreign(excerpt(nameOf(name, otherwise), longestLink))
}

const gapTexts: Record<(typeof gaps)[number], string> = {
  'no earlier value': 'No value is old enough to compare with.',
  'earlier value too old': 'The value before is too old to compare with.',
  'from zero': 'It was zero: there is no percentage.',
  'too large': 'The change is too large for a percentage.',
}

/** A change in percent, or why there is none. */
export function changeText({ percent, gap }: { percent: number | null; gap: (typeof gaps)[number] | null }): Content {
  if (percent !== null) return formatChange(percent)
  if (gap === 'from zero') return html`<span title="${gapTexts[gap]}">from 0</span>`
  return html`<span class="muted" title="${gap === null ? 'There is no change.' : gapTexts[gap]}">–</span>`
}

/** How long ago a time was: today, 1 day ago. */
export function agoText(at: number, now: number): string {
  const days = Math.floor((now - at) / dayMs)
  return days <= 0 ? 'today' : `${formatCount(days, 'day')} ago`
}

/** How fresh data is, by a shape and in words. */
export function freshnessState({ kind, observedAt }: Freshness, now: number): Html {
  if (kind === 'none' || observedAt === null) return state('none', 'no values yet')
  return state(kind === 'late' ? 'late' : 'good', `${kind === 'late' ? 'late: ' : ''}${agoText(observedAt, now)}`)
}

const learning = /\((\d+) of (\d+)\)/

/** How the detectors judge a series, as a sentence. */
export function judgedText(detectorState: string): string {
  const [, seen, needed] = learning.exec(detectorState) ?? []
  if (seen !== undefined && needed !== undefined) return `${seen} of ${needed} values: judged from ${needed} on.`
  if (detectorState === 'judged') return 'The detectors judge every value.'
  if (detectorState === 'judged without detectors') return 'Rules judge every value, the detectors do not.'
  return 'Values are compared with the one before.'
}

const hourMs = dayMs / 24

/** How often something comes: every 6 hours, daily, weekly, every 30 days. */
export function everyText(everyMs: number): string {
  const days = Math.round(everyMs / dayMs)
  if (everyMs < 20 * hourMs) return `every ${formatCount(Math.max(1, Math.round(everyMs / hourMs)), 'hour')}`
  return days <= 1 ? 'daily' : days === 7 ? 'weekly' : `every ${days} days`
}
