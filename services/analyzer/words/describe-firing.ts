import type { Rule } from '../rules/compile-rules.ts'
import type { Firing } from '../judge/judge.ts'
import { countWords, writeHeadline } from './write-headline.ts'
import { excerpt, sayCount, sayList, sayNumber, sayNumbers, sayPercent, sayTime } from '../values/format.ts'
import { maxMembers, maxText, sayName, sayValue } from './format-value.ts'
import { missingIn, numberOf, type Value } from '../values/value.ts'

export type Names = { company: string; source: string; measurement: string; item: string | null }

export type Description = {
  /** Four to seven words. */
  title: string
  message: string
  /** Null: it was not there. */
  previous: string | null
  /** Null: it is not there any more. */
  current: string | null
  /** Every name and number of title and message, as it is written there; beside them the bare values for programs. */
  facts: Record<string, string>
}

const aggregates = {
  ...{ sum: 'total', avg: 'average', count: 'count of', min: 'lowest', max: 'highest', median: 'median' },
  stddev: 'spread of',
}

/** What a firing is to a person. Whatever the names and values hold is text, never a template. */
export function describe(firing: Firing, observedAt: number, names: Names): Description {
  const condition = firing.rule?.condition
  const company = sayName(names.company, 'the company')
  const source = sayName(names.source, 'the source')
  const measurement = sayName(names.measurement, 'value')
  const item = names.item === null ? null : sayName(names.item, 'an item')
  const since = sayTime(firing.since, observedAt)
  const { tails, told, more = '', previous, current, facts } = tell(firing)
  const held = firing.flapping ? ', and keeps going to and fro' : ''
  const thing = firing.window ? `${aggregates[firing.window.method]} ${measurement}` : measurement
  const what = item === null ? thing : `${thing} of ${item}`
  return {
    title: writeHeadline(thing, { company, item }, tails),
    message: `${company}: ${what} ${told} since ${since} (${source})${more}${held}.`,
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
      ...facts,
    },
  }
}

/** `tails`: ends of the headline, the fullest first. `told` and `more`: what happened, with the values before and after. */
type Told = {
  tails: [string, ...string[]]
  told: string
  more?: string
  previous: string
  current: string
  facts: Record<string, string>
}

function tell(firing: Firing): Told {
  const { before, now } = firing
  const [a, b] = [numberOf(before), numberOf(now)]
  if (firing.kind === 'threshold' && a !== null && b !== null) return tellNumbers(firing, a, b)
  if (before.kind === 'set' && now.kind === 'set') return tellMembers(before.members, now.members)
  const [previous, current] = sayBoth(before, now)
  const isShort = [previous, current].every((text) => countWords(text) === 1 && text.length <= 24)
  const tails: Told['tails'] = isShort ? [`changed from ${previous} to ${current}`, 'changed'] : ['changed']
  // Of long texts only the beginning is kept, which may be the same.
  const isBeyond = now.kind === 'text' && previous === current
  const told = isBeyond ? `changed beyond ${quote(current)}` : `changed from ${quote(previous)} to ${quote(current)}`
  return { tails, told, previous, current, facts: {} }
}

function tellNumbers({ percent, window, rule }: Firing, a: number, b: number): Told {
  const [previous, current] = sayNumbers(a, b)
  const verb = b > a ? 'rose' : 'fell'
  const facts: Record<string, string> = { previous_value: String(a), current_value: String(b) }
  if (percent !== null) facts.percent = sayPercent(percent)
  const more = [window && sayWindow(window, facts), rule && rule.inARow > 1 && sayRow(rule, facts)]
  const both = `from ${previous} to ${current}`
  const rest = { more: more.map((one) => (one ? `, ${one}` : '')).join(''), previous, current, facts }
  if (rule && 'level' in rule.condition) {
    const { kind, level } = rule.condition
    facts.level = sayNumber(level)
    const crossed = `${verb} ${kind} ${facts.level}`
    return { tails: [crossed, `${verb} to ${current}`, verb], told: `${crossed}, ${both}`, ...rest }
  }
  if (percent === null)
    return { tails: [`${verb} ${both}`, `${verb} to ${current}`, verb], told: `${verb} ${both}`, ...rest }
  if (rule?.condition.kind === 'absolute') {
    const size = sayNumber(Math.abs(b - a))
    facts.change = size
    const tails: Told['tails'] = [`${verb} ${size} to ${current}`, `${verb} by ${size}`, verb]
    return { tails, told: `${verb} by ${size} (${facts.percent}) ${both}`, ...rest }
  }
  const tails: Told['tails'] = [`${verb} ${facts.percent} to ${current}`, `${verb} ${facts.percent}`]
  return { tails, told: `${verb} by ${facts.percent} ${both}`, ...rest }
}

function sayWindow({ length, days, latest }: NonNullable<Firing['window']>, facts: Record<string, string>): string {
  facts.window = String(length)
  facts.latest = sayValue(latest)
  if (days !== null) facts.window_days = String(days)
  const over = days === null ? sayCount(length, 'value') : sayCount(days, 'day')
  return `over ${over}, the latest ${facts.latest}`
}

function sayRow({ inARow, condition }: Rule, facts: Record<string, string>): string {
  facts.in_a_row = String(inARow)
  return 'level' in condition ? `for ${inARow} values in a row` : `${inARow} times in a row`
}

function tellMembers(before: readonly string[], now: readonly string[]): Told {
  const [added, removed] = [missingIn(before, now), missingIn(now, before)]
  const [previous, current] = [sayList(before, maxMembers), sayList(now, maxMembers)]
  const facts: Record<string, string> = { added_count: String(added.length), removed_count: String(removed.length) }
  if (added.length > 0) facts.added = sayList(added, maxMembers)
  if (removed.length > 0) facts.removed = sayList(removed, maxMembers)
  const counts = [
    added.length > 0 ? `${added.length} added` : '',
    removed.length > 0 ? `${removed.length} removed` : '',
  ]
  const short = `changed: ${counts.filter(Boolean).join(', ')}`
  const lists = [facts.added ? `added ${facts.added}` : '', facts.removed ? `removed ${facts.removed}` : '']
  const more = `: ${lists.filter(Boolean).join('; ')}. Before: ${previous}. Now: ${current}`
  const [only] = added.length + removed.length === 1 ? [...added, ...removed] : []
  const isShort = only !== undefined && countWords(only) === 1 && only.length <= 40
  const tails: Told['tails'] = isShort
    ? [`${added.length > 0 ? 'gained' : 'lost'} ${excerpt(only, 60)}`, short]
    : [short]
  return { tails, told: 'changed', more, previous, current, facts }
}

function sayBoth(before: Value, now: Value): [string, string] {
  if (before.kind === 'text' && now.kind === 'text') return sayTexts(before.text, now.text)
  const said: [string, string] = [sayValue(before), sayValue(now)]
  if (before.kind !== 'date' || now.kind !== 'date' || said[0] !== said[1]) return said
  return [sayTime(before.date, before.date), sayTime(now.date, now.date)]
}

/** Two texts that differ, where they do. */
function sayTexts(before: string, now: string): [string, string] {
  let same = 0
  while (same < before.length && before[same] === now[same]) same++
  const start = before.length <= maxText && now.length <= maxText ? 0 : startOf(before, same)
  return [before, now].map((text) =>
    start > 0 ? `…${excerpt(text.slice(start), maxText - 1)}` : excerpt(text, maxText) || 'nothing',
  ) as [string, string]
}

/** Where to begin so that a difference at `at` is seen: at a word, if one begins near enough, and never within a number. */
function startOf(text: string, at: number): number {
  const word = text.lastIndexOf(' ', at - 30) + 1
  return at - word < maxText / 2 ? word : text.slice(0, at - 30).replace(/[\d\p{P}\ud800-\udbff]+$/u, '').length
}

function quote(text: string): string {
  return text.includes(' ') ? `“${text}”` : text
}
