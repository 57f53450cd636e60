import { methods } from '../values/aggregate.ts'
import type { Observed, RuleState, SeriesState } from '../values/series-state.ts'
import { isAlike } from '../values/similarity.ts'
import { isSame, numberOf, type Value } from '../values/value.ts'
import type { Condition, Level, Rule, Window } from './compile-rules.ts'
import { takeWindows } from './take-windows.ts'

/** A change that is news. `before` and `now` are what was compared: the values, or the aggregates of two windows. */
export type Change = {
  kind: 'threshold' | 'changed'
  rule: Rule | null
  before: Value
  now: Value
  /** Change in percent; null if it is from zero, too large for a double, or not of numbers. */
  percent: number | null
  /** `length`: in values. `latest`: the newest value in it. */
  window: { method: keyof typeof methods; length: number; days: number | null; latest: Value } | null
  /** When `before` was observed, ms since 1970. */
  since: number
  /** What the detectors said of the value; absent or null if they were not asked, or found it ordinary. */
  signal?: Signal | null
}

/**
 * `kind`: spike, drop, level shift, trend break, stall, fall, season. `score`: how likely it is a change, 0 to 1.
 * `reason`: in words that need no name before them, as "largest rise in 14 months".
 */
type Signal = { kind: string; score: number; reason: string }

/** `state` null: the rule has nothing to remember. `problem`: why the rule could not be applied. */
type Verdict = { state: RuleState | null; change: Change | null; problem: string | null }

/** Whether a rule can judge a value: any rule can judge numbers, only rules for any change can judge other values. */
export function canJudge({ condition }: Pick<Rule, 'condition'>, value: Value): boolean {
  return numberOf(value) !== null || condition.kind === 'changed' || condition.kind === 'never'
}

/** Judges a value by one rule. The last value of its series must be of the same kind. */
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

/** What is compared; null if there is too little history, a text if there never will be enough. */
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

/** Rounding of doubles must not decide: from 0.1 to 0.105 is 5 %. */
const tolerance = 1e-9

function doesHold(condition: Condition, before: Value, now: Value): boolean {
  const [a, b] = [numberOf(before), numberOf(now)]
  if (condition.kind === 'never' || condition.kind === 'unusual') return false
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

/** Infinite if `before` is zero. */
function changeInPercent(before: number, now: number): number {
  return ((now - before) / Math.abs(before)) * 100
}

export function percentOf(before: Value, now: Value): number | null {
  const [a, b] = [numberOf(before), numberOf(now)]
  const percent = a === null || b === null ? NaN : changeInPercent(a, b)
  return Number.isFinite(percent) ? percent : null
}

/** Null if they are not numbers. */
function isUp(before: Value, now: Value): boolean | null {
  const [a, b] = [numberOf(before), numberOf(now)]
  return a === null || b === null ? null : b > a
}
