import { formatCount, formatNumber, formatNumbers, formatPercent, formatTime } from '#runtime/text/format.ts'
import { cut, excerpt } from '#runtime/text/shorten.ts'
import type { Firing } from '../judge/judge.ts'
import type { Rule } from '../rules/compile-rules.ts'
import { missingIn, numberOf, type Value } from '../values/value.ts'
import { formatMembers, formatName, formatSince, formatValue, maxText } from './format-value.ts'
import { countWords, shortenMeasurement, writeHeadline } from './write-headline.ts'

export type Names = {
  company: string
  source: string
  measurement: string
  /** The label of the list item that the value belongs to. */
  item: string | null
  /** The list with the item: `repos[]`. */
  list: string | null
}

export type Description = {
  /** Names company, item and measurement: it is understood on its own. */
  title: string
  message: string
  /** Null if it was not there before. */
  previous: string | null
  /** Null if it is gone. */
  current: string | null
  /** Every name and number in title and message, as written there, and the bare values for programs. */
  facts: Record<string, string>
}

const aggregates = {
  ...{ sum: 'total', avg: 'average', count: 'count of', min: 'lowest', max: 'highest', median: 'median' },
  stddev: 'spread of',
}

/** Says a firing in words. Names and values are plain text, never templates. */
export function describeFiring(firing: Firing, observedAt: number, names: Names): Description {
  const condition = firing.rule?.condition
  const company = formatName(names.company, 'the company')
  const source = formatName(names.source, 'the source')
  const measurement = formatName(names.measurement, 'value')
  const item = names.item === null ? null : formatName(names.item, 'an item')
  const since = formatSince(firing.since, observedAt)
  const { endings, event, more = '', previous, current, facts } = describeChange(firing)
  const { signal } = firing
  const why = signal ? `: ${signal.reason}` : ''
  const held = firing.flapping ? ', and keeps fluctuating' : ''
  const named = (name: string) => (firing.window ? `${aggregates[firing.window.method]} ${name}` : name)
  const what = item === null ? named(measurement) : `${named(measurement)} of ${item}`
  return {
    title: writeHeadline(
      named(shortenMeasurement(measurement, names.list)),
      { company, item },
      withReason(endings, signal?.reason),
    ),
    message: `${company}: ${what} ${event} since ${since} (${source})${more}${held}${why}.`,
    previous,
    current,
    facts: {
      company_name: company,
      source_name: source,
      measurement_name: measurement,
      ...(item !== null && { item_label: item }),
      previous,
      current,
      since,
      previous_observed_at: new Date(firing.since).toISOString(),
      observed_at: new Date(observedAt).toISOString(),
      ...(condition && 'by' in condition && { threshold: String(condition.by) }),
      ...(firing.flapping && { flapping: 'true' }),
      ...(signal && { signal: signal.kind, reason: signal.reason, score: String(signal.score) }),
      ...facts,
    },
  }
}

/** The same endings, before them the longest with the reason: as a whole, or without what is said beside it. */
function withReason(endings: Phrases['endings'], reason = ''): Phrases['endings'] {
  if (reason === '') return endings
  const short = reason.replace(/, (?:passes|not counting) .*$/, '')
  return [`${endings[0]}, ${reason}`, `${endings[0]}, ${short}`, ...endings]
}

/** `endings`: of the headline, the longest first. `event`, `more`: what happened, with the values before and after. */
type Phrases = {
  endings: [string, ...string[]]
  event: string
  more?: string
  previous: string
  current: string
  facts: Record<string, string>
}

/** How much of a text a headline has, and how much if there is little room: its beginning, or where it differs. */
const [maxQuote, leastQuote] = [60, 35]

function describeChange(firing: Firing): Phrases {
  const { before, now } = firing
  const [a, b] = [numberOf(before), numberOf(now)]
  if (firing.kind === 'threshold' && a !== null && b !== null) return describeNumbers(firing, a, b)
  if (before.kind === 'set' && now.kind === 'set') return describeMembers(before.members, now.members)
  const [previous, current] = formatBoth(before, now)
  const whole = isShort(previous) ? `changed from ${previous} to ${current}` : `changed to ${current}`
  const endings: Phrases['endings'] = isShort(current)
    ? [whole, `changed to ${current}`, 'changed']
    : now.kind === 'text' && previous !== current && current.includes(' ')
      ? [`changed to “${cut(current, maxQuote)}”`, `changed to “${cut(current, leastQuote)}”`, 'changed']
      : ['changed']
  // Of a long text only the beginning is kept, and it may be unchanged.
  const isBeyond = now.kind === 'text' && previous === current
  const event = isBeyond ? `changed after ${quote(current)}` : `changed from ${quote(previous)} to ${quote(current)}`
  return { endings, event, previous, current, facts: {} }
}

/** More percent than this say less than the two numbers do. */
const maxPercent = 1000

/** The change in percent; null if the two numbers say more: from or across zero, or beyond maxPercent. */
export function percentToSay({ before, now, percent }: Firing): number | null {
  const [a, b] = [numberOf(before), numberOf(now)]
  if (percent === null || a === null || b === null) return null
  if (a === b) return null
  const isAcrossZero = Math.sign(a) * Math.sign(b) === -1
  return isAcrossZero || Math.abs(percent) > maxPercent ? null : percent
}

function describeNumbers(firing: Firing, a: number, b: number): Phrases {
  const { window, rule } = firing
  const percent = percentToSay(firing)
  const [previous, current] = formatNumbers(a, b)
  const verb = b > a ? 'rose' : 'fell'
  const facts: Record<string, string> = { previous_value: String(a), current_value: String(b) }
  if (percent !== null) facts.percent = formatPercent(percent)
  const more = [window && describeWindow(window, facts), rule && rule.inARow > 1 && describeRow(rule, facts)]
  const both = `from ${previous} to ${current}`
  const rest = { more: more.map((one) => (one ? `, ${one}` : '')).join(''), previous, current, facts }
  if (rule && 'level' in rule.condition) {
    const { kind, level } = rule.condition
    facts.level = formatNumber(level)
    const crossed = `${verb} ${kind} ${facts.level}`
    return { endings: [crossed, `${verb} to ${current}`, verb], event: `${crossed}, ${both}`, ...rest }
  }
  if (a === b) {
    const stopped = firing.signal?.kind === 'stall' ? `stopped growing at ${current}` : `stayed at ${current}`
    return { endings: [stopped], event: `stayed at ${current}`, ...rest }
  }
  if (percent === null)
    return { endings: [`${verb} ${both}`, `${verb} to ${current}`, verb], event: `${verb} ${both}`, ...rest }
  if (rule?.condition.kind === 'absolute') {
    const size = formatNumber(Math.abs(b - a))
    facts.change = size
    const endings: Phrases['endings'] = [`${verb} ${size} to ${current}`, `${verb} by ${size}`, verb]
    return { endings, event: `${verb} by ${size} (${facts.percent}) ${both}`, ...rest }
  }
  const endings: Phrases['endings'] = [`${verb} ${facts.percent} to ${current}`, `${verb} ${facts.percent}`]
  return { endings, event: `${verb} by ${facts.percent} ${both}`, ...rest }
}

function describeWindow(
  { length, days, latest }: NonNullable<Firing['window']>,
  facts: Record<string, string>,
): string {
  facts.window = String(length)
  facts.latest = formatValue(latest)
  if (days !== null) facts.window_days = String(days)
  const over = days === null ? formatCount(length, 'value') : formatCount(days, 'day')
  return `over ${over}, latest value ${facts.latest}`
}

function describeRow({ inARow, condition }: Rule, facts: Record<string, string>): string {
  facts.in_a_row = String(inARow)
  return 'level' in condition ? `for ${inARow} values in a row` : `${inARow} times in a row`
}

function describeMembers(before: readonly string[], now: readonly string[]): Phrases {
  const [added, removed] = [missingIn(before, now), missingIn(now, before)]
  const [previous, current] = [formatMembers(before), formatMembers(now)]
  const facts: Record<string, string> = { added_count: String(added.length), removed_count: String(removed.length) }
  if (added.length > 0) facts.added = formatMembers(added)
  if (removed.length > 0) facts.removed = formatMembers(removed)
  const counts = [
    added.length > 0 ? `${added.length} added` : '',
    removed.length > 0 ? `${removed.length} removed` : '',
  ]
  const short = `changed: ${counts.filter(Boolean).join(', ')}`
  const lists = [facts.added ? `added ${facts.added}` : '', facts.removed ? `removed ${facts.removed}` : '']
  const more = `: ${lists.filter(Boolean).join('; ')}. Before: ${previous}. Now: ${current}`
  const [only] = added.length + removed.length === 1 ? [...added, ...removed] : []
  const endings: Phrases['endings'] =
    only !== undefined && isShort(only)
      ? [`${added.length > 0 ? 'gained' : 'lost'} ${excerpt(only, 60)}`, short]
      : [short]
  return { endings, event: 'changed', more, previous, current, facts }
}

/** Whether a text can stand in a headline. */
function isShort(text: string): boolean {
  return countWords(text) > 0 && countWords(text) <= 4 && text.length <= 40
}

function formatBoth(before: Value, now: Value): [string, string] {
  if (before.kind === 'text' && now.kind === 'text') return formatTexts(before.text, now.text)
  const said: [string, string] = [formatValue(before), formatValue(now)]
  if (before.kind !== 'date' || now.kind !== 'date' || said[0] !== said[1]) return said
  return [formatTime(before.date), formatTime(now.date)]
}

/** Two texts that differ, cut to where they differ. */
function formatTexts(before: string, now: string): [string, string] {
  let same = 0
  while (same < before.length && before[same] === now[same]) same++
  const start = before.length <= maxText && now.length <= maxText ? 0 : startOf(before, same)
  return [before, now].map((text) =>
    start > 0 ? `…${excerpt(text.slice(start), maxText - 1)}` : excerpt(text, maxText) || 'nothing',
  ) as [string, string]
}

/**
 * Where to begin so that a difference at `at` is visible: at a word if one begins nearby, and never within a number.
 */
function startOf(text: string, at: number): number {
  const word = text.lastIndexOf(' ', at - 30) + 1
  return at - word < maxText / 2 ? word : text.slice(0, at - 30).replace(/[\d\p{P}\ud800-\udbff]+$/u, '').length
}

function quote(text: string): string {
  return text.includes(' ') ? `“${text}”` : text
}
