import { methods } from './aggregate.ts'
import type { Rule, RuleProblem } from './compile-rules.ts'
import { defaultRule, type Policy } from './defaults.ts'
import { isUsual } from './usual.ts'
import { isSame, numberOf, readsTheSame, type Value } from './value.ts'

/** What a series was last, and its newest numbers, the oldest first. Times in ms since 1970. */
export type SeriesState = {
  eventNo: number
  observedAt: number
  last: Value
  recent: number[]
  /** Its last firing, while it is recent. */
  fired?: Fired
}

/** `from`: the value before it; `turns`: how many firings in a row each undid the one before; `quiet`: values since. */
type Fired = { from: Value; turns: number; quiet: number }

export type Observed = { eventNo: number; observedAt: number; type: string; value: Value }

/** A value that is news. `before` and `now` are what was compared: the values, or the aggregates of two windows. */
export type Firing = {
  kind: 'threshold' | 'changed'
  rule: Pick<Rule, 'id' | 'version'> | null
  /** Percent from which the rule fires. */
  threshold: number | null
  before: Value
  now: Value
  /** Change in percent; null: from zero, beyond what a double holds, or no number. */
  percent: number | null
  window: { method: keyof typeof methods; length: number; latest: Value } | null
  /** When the value before this one was true. */
  since: number
  /** The series goes to and fro: told once, then held. */
  flapping: boolean
  held: boolean
}

/**
 * What a series is judged by: the rules of its measurement, where there are none `policy`; null: nothing. `keep`: how many
 * numbers it remembers.
 */
export type Measure = { rules: readonly Rule[]; policy: Policy | null; keep: number }

export type Judgement = { state: SeriesState; firings: Firing[]; problems: RuleProblem[] }

/**
 * Judges a value by what its series was before it, and gives what the series is now. The first value of a series, and of
 * another kind than before, is never news. The same arguments give the same result, and nothing makes it throw.
 */
export function judge(state: SeriesState | null, observed: Observed, { rules, policy, keep }: Measure): Judgement {
  const { value, type, eventNo, observedAt } = observed
  const number = numberOf(value)
  const known = state?.last.kind === value.kind ? state : null
  const recent = number === null ? [] : [...(known?.recent ?? []), number].slice(-keep)
  const firings =
    known === null
      ? []
      : number === null || rules.length === 0
        ? byDefault(known, value, type, policy)
        : byRules(known, value, number, rules)
  const fired = known && followFirings(known, value, firings.length > 0)
  const turns = fired?.turns ?? 0
  const flaps = { flapping: turns >= turnsOfFlapping, held: turns > turnsOfFlapping }
  return {
    state: { eventNo, observedAt, last: value, recent, ...(fired && { fired }) },
    firings: firings.map((firing) => ({ ...firing, ...flaps })),
    problems:
      number === null
        ? rules.map((rule) => ({
            rule,
            message: `it asks for a percentage, and the measurement is ${type}: take the rule away`,
          }))
        : [],
  }
}

type Change = Omit<Firing, 'flapping' | 'held'>

const turnsOfFlapping = 2
/** After so many values without a firing a series has calmed down. */
const quietValues = 3

/** Null: the series is calm. */
function followFirings({ last, fired }: SeriesState, value: Value, fires: boolean): Fired | null {
  if (fires) return { from: last, turns: fired && undoes(fired.from, last, value) ? fired.turns + 1 : 0, quiet: 0 }
  return fired && fired.quiet + 1 < quietValues ? { ...fired, quiet: fired.quiet + 1 } : null
}

/** Whether a series that went from `from` to `last` turned round with `value`. */
function undoes(from: Value, last: Value, value: Value): boolean {
  const [a, b, c] = [numberOf(from), numberOf(last), numberOf(value)]
  return a === null || b === null || c === null ? isSame(from, value) : b > a !== c > b
}

function byRules(known: SeriesState, value: Value, number: number, rules: readonly Rule[]): Change[] {
  return rules.flatMap(({ id, version, threshold, window }) => {
    const firing = { kind: 'threshold' as const, rule: { id, version }, threshold, since: known.observedAt }
    if (window === null) {
      const change = compare(numberOf(known.last)!, number, threshold)
      return change ? { ...firing, ...change, before: known.last, now: value, window: null } : []
    }
    const length = window.entries ?? known.recent.length
    if (known.recent.length < length) return []
    const [before, now] = [known.recent.slice(-length), [...known.recent, number].slice(-length)].map(
      methods[window.method],
    ) as [number, number]
    const change = compare(before, now, threshold)
    if (!change) return []
    const aggregates = { before: { kind: 'number', number: before }, now: { kind: 'number', number: now } } as const
    return { ...firing, ...change, ...aggregates, window: { method: window.method, length, latest: value } }
  })
}

function byDefault(known: SeriesState, value: Value, type: string, policy: Policy | null): Change[] {
  if (policy === null) return []
  const { threshold, steps, told } = policy
  if (value.kind === 'number')
    return isUsual(known.recent, value.number, type, steps)
      ? []
      : byRules(known, value, value.number, [{ ...defaultRule, threshold, window: null }])
  if (!told.has(type) || isSame(known.last, value) || readsTheSame(known.last, value)) return []
  const { last: before, observedAt: since } = known
  return [{ kind: 'changed', rule: null, threshold: null, before, now: value, percent: null, window: null, since }]
}

/** Rounding of doubles must not decide: 0.1 to 0.105 is 5 %. */
const tolerance = 1e-9

/** Null: not news. */
function compare(before: number, now: number, threshold: number): { percent: number | null } | null {
  if (before === now || !Number.isFinite(before) || !Number.isFinite(now)) return null
  if (before === 0) return { percent: null }
  const percent = ((now - before) / Math.abs(before)) * 100
  if (Math.abs(percent) < threshold * (1 - tolerance)) return null
  return { percent: Number.isFinite(percent) ? percent : null }
}
