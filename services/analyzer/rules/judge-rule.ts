import { methods } from '../values/aggregate.ts'
import { isAlike } from '../values/similarity.ts'
import type { Condition, Level, Rule, Window } from './compile-rules.ts'
import type { Observed, RuleState, SeriesState } from '../values/series-state.ts'
import { takeWindows } from './take-windows.ts'
import { isSame, numberOf, type Value } from '../values/value.ts'

/** A value that a rule tells. `before` and `now` are what was compared: the values, or the aggregates of two windows. */
export type Change = {
  kind: 'threshold' | 'changed'
  rule: Rule | null
  before: Value
  now: Value
  /** Change in percent; null: from zero, beyond what a double holds, or no number. */
  percent: number | null
  /** `length`: in values. */
  window: { method: keyof typeof methods; length: number; days: number | null; latest: Value } | null
  /** When what was before was true. */
  since: number
}

/** `state` null: there is nothing to remember. */
type Verdict = { state: RuleState | null; change: Change | null; problem: string | null }

/** Whether a rule can be asked about a value: all of them about numbers, about others only those for any change. */
export function canJudge({ condition }: Pick<Rule, 'condition'>, value: Value): boolean {
  return numberOf(value) !== null || condition.kind === 'changed' || condition.kind === 'never'
}

/** Judges a value by one rule, of a series whose last value is of the same kind. */
export function judgeRule(rule: Rule, known: SeriesState, { value, observedAt }: Observed): Verdict {
  const { id, version, condition, inARow, coolDownMs } = rule
  const kept = known.rules?.[id]
  const was: RuleState = kept?.version === version ? kept : { version }
  const compared = compare(rule.window, known, value, observedAt)
  if (compared === null || typeof compared === 'string') return { state: kept ?? null, change: null, problem: compared }
  const { before, now, window } = compared
  const level = 'level' in condition ? condition : null
  const wasBeyond =
    level !== null && (was.beyond ?? (was.row === undefined && isBeyond(level.kind, numberOf(before)!, level.level)))
  const isStillBeyond = wasBeyond && isBeyond(level!.kind, numberOf(now)!, level!.recovery)
  const holds = !wasBeyond && doesHold(condition, before, now)
  const goesOn = was.row && (level !== null || isUp(was.row.from, before) === isUp(before, now))
  const row = { ...(goesOn ? was.row! : { values: 0, from: before, since: known.observedAt }) }
  row.values++
  const isMet = holds && row.values >= inARow
  const fires = isMet && !(was.firedAt !== undefined && observedAt < was.firedAt + coolDownMs)
  const firedAt = fires ? observedAt : was.firedAt
  const state: RuleState = {
    version,
    ...(holds && !isMet && { row }),
    ...(((level && isMet) || isStillBeyond) && { beyond: true }),
    ...(coolDownMs > 0 && firedAt !== undefined && { firedAt }),
  }
  const kind = condition.kind === 'changed' && now.kind !== 'number' ? 'changed' : 'threshold'
  return {
    state: Object.keys(state).length > 1 ? state : null,
    change: fires
      ? { kind, rule, before: row.from, now, percent: percentOf(row.from, now), window, since: row.since }
      : null,
    problem: null,
  }
}

/** What a value is compared with; null: nothing yet. */
function compare(
  window: Window | null,
  known: SeriesState,
  value: Value,
  observedAt: number,
): Pick<Change, 'before' | 'now' | 'window'> | string | null {
  if (window === null) return { before: known.last, now: value, window: null }
  const taken = takeWindows(window, known, numberOf(value)!, observedAt)
  if (taken === null || typeof taken === 'string') return taken
  const { method } = window
  const [before, now] = [methods[method](taken.before), methods[method](taken.now)]
  if (!Number.isFinite(before) || !Number.isFinite(now)) return null
  return {
    before: { kind: 'number', number: before },
    now: { kind: 'number', number: now },
    window: { method, length: taken.now.length, days: 'days' in window ? window.days : null, latest: value },
  }
}

/** Rounding of doubles must not decide: 0.1 to 0.105 is 5 %. */
const tolerance = 1e-9

function doesHold(condition: Condition, before: Value, now: Value): boolean {
  const [a, b] = [numberOf(before), numberOf(now)]
  if (condition.kind === 'never') return false
  if (condition.kind === 'changed') return !isSame(before, now) && !isAlike(before, now, condition)
  if (a === null || b === null) return false
  if ('level' in condition) return isBeyond(condition.kind, b, condition.level)
  if (a === b || (condition.direction !== 'both' && (condition.direction === 'up') !== b > a)) return false
  if (condition.kind === 'from-zero') return a === 0
  const change = condition.kind === 'absolute' ? Math.abs(b - a) : Math.abs(changeInPercent(a, b))
  return change >= condition.by * (1 - tolerance)
}

function isBeyond(kind: Level['kind'], number: number, level: number): boolean {
  return kind === 'above' ? number > level : number < level
}

/** From zero it is infinite. */
function changeInPercent(before: number, now: number): number {
  return ((now - before) / Math.abs(before)) * 100
}

function percentOf(before: Value, now: Value): number | null {
  const [a, b] = [numberOf(before), numberOf(now)]
  const percent = a === null || b === null ? NaN : changeInPercent(a, b)
  return Number.isFinite(percent) ? percent : null
}

/** Null: they are no numbers. */
function isUp(before: Value, now: Value): boolean | null {
  const [a, b] = [numberOf(before), numberOf(now)]
  return a === null || b === null ? null : b > a
}
