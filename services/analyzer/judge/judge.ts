import type { Policy } from '../detect/defaults.ts'
import { detectChange } from '../detect/detect-change.ts'
import type { Rule, RuleProblem } from '../rules/compile-rules.ts'
import { canJudge, type Change, judgeRule } from '../rules/judge-rule.ts'
import { keepTimes } from '../rules/take-windows.ts'
import type { Fired, Observed, RuleState, SeriesState } from '../values/series-state.ts'
import { isReshaped, numberOf, readsTheSame, type Value } from '../values/value.ts'

/** A change that is news, and whether it is one of many back and forth. */
export type Firing = Change & {
  /** The series keeps changing back and forth. The news item that says so is the last one; later ones are held. */
  flapping: boolean
  held: boolean
}

/**
 * What a series is judged by: the rules of its measurement or, without any, `policy` (null: nothing is news). `keep`:
 * how many numbers it remembers. `shift`: how much a total moved because its list gained or lost items (findTotals).
 */
export type Measure = { rules: readonly Rule[]; policy: Policy | null; keep: number; shift?: number }

export type Judgement = { state: SeriesState; firings: Firing[]; problems: RuleProblem[] }

/**
 * Judges a value by the state of its series, and returns the new state. The first value of a series is never news, nor
 * is one of another kind than the last; but a text and a list can be compared. Pure, and never throws.
 */
export function judge(
  state: SeriesState | null,
  observed: Observed,
  { rules, policy, keep, shift }: Measure,
): Judgement {
  const { value, type, eventNo, observedAt } = observed
  const known = state && comparable(state, value)
  const asked = rules.filter((rule) => canJudge(rule, value))
  const verdicts = known === null ? [] : asked.map((rule) => ({ rule, ...judgeRule(rule, known, observed) }))
  const changes = verdicts.flatMap(({ change }) => change ?? [])
  // Rules that cannot be applied do not count.
  const isUnruled = verdicts.filter(({ problem }) => problem !== null).length === asked.length
  // Detectors go on where they were before values of another kind.
  const past = known ?? (value.kind === 'number' ? state : null)
  const detected = isUnruled && policy ? detectChange(past, observed, policy, shift) : { change: null }
  const found = detected.change ? [detected.change] : changes
  const fired = known && followFirings(known, value, found.length > 0)
  const turns = fired?.turns ?? 0
  const flaps = { flapping: turns >= turnsOfFlapping, held: turns > turnsOfFlapping }
  const number = numberOf(value)
  const at =
    number === null
      ? undefined
      : keepTimes(
          rules.map(({ window }) => window),
          known,
          observedAt,
        )
  const kept = Math.max(keep, at?.length ?? 0)
  const remembered = verdicts.flatMap(({ rule: { id }, state: one }) => (one ? [[id, one]] : []))
  return {
    state: {
      ...{ eventNo, observedAt, last: state && saysNothing(state.last, value) ? state.last : value },
      recent: number === null ? [] : [...(known?.recent ?? []), number].slice(-kept),
      ...(at && { at }),
      ...(fired && { fired }),
      ...(remembered.length > 0 && { rules: Object.fromEntries(remembered) as Record<string, RuleState> }),
      ...(detected.signal && { signal: detected.signal, said: detected.said! }),
      ...(number === null && state?.signal && { signal: state.signal }),
    },
    firings: found.map((change) => ({ ...change, ...flaps })),
    problems: [
      ...rules
        .filter((rule) => rule.named && !canJudge(rule, value))
        .map((rule) => ({ rule, message: `it needs numbers, but the measurement is ${type}: remove the rule` })),
      ...verdicts.flatMap(({ rule, problem }) => (problem === null ? [] : [{ rule, message: problem }])),
    ],
  }
}

/** The state as it can be compared with a value; null if it cannot. */
function comparable(state: SeriesState, value: Value): SeriesState | null {
  const { last } = state
  if (last.kind === value.kind) return state
  if (isReshaped(last, value)) return { ...state, last: value }
  const text = [last, value].find((one) => one.kind === 'text')?.text
  const hasSet = last.kind === 'set' || value.kind === 'set'
  // A list that is too large for a record comes as the beginning of its JSON.
  return hasSet && text !== undefined && !text.startsWith('[') ? state : null
}

/** Whether a list without members comes in place of a text. */
function saysNothing(last: Value, value: Value): boolean {
  return last.kind === 'text' && value.kind === 'set' && value.members.length === 0
}

const turnsOfFlapping = 2
/** After this many values without a firing a series is calm again. */
const quietValues = 3

/** Null if the series is calm. */
function followFirings({ last, fired }: SeriesState, value: Value, fires: boolean): Fired | null {
  if (fires) return { from: last, turns: fired && undoes(fired.from, last, value) ? fired.turns + 1 : 0, quiet: 0 }
  return fired && fired.quiet + 1 < quietValues ? { ...fired, quiet: fired.quiet + 1 } : null
}

/** Whether a series that went from `from` to `last` turned back with `value`. */
function undoes(from: Value, last: Value, value: Value): boolean {
  const [a, b, c] = [numberOf(from), numberOf(last), numberOf(value)]
  return a === null || b === null || c === null ? readsTheSame(from, value) : b > a !== c > b
}
