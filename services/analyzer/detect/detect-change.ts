import { judgePoint } from '../signals/judge-point.ts'
import type { SignalState } from '../signals/state.ts'
import { percentRule } from '../rules/compile-rules.ts'
import { type Change, judgeRule, percentOf } from '../rules/judge-rule.ts'
import type { Observed, Said, SeriesState } from '../values/series-state.ts'
import { readsTheSame, type Value } from '../values/value.ts'
import { defaultRule, insightRule, type Policy } from './defaults.ts'
import { isAftermath } from './is-aftermath.ts'
import { isSlight } from './is-slight.ts'
import { isUsual } from './is-usual-step.ts'

/** `signal`, `said`: what the detectors remember after the value, and what they said of it. */
type Detected = { change: Change | null; signal?: SignalState; said?: Said }

/**
 * The change that is news by `policy`, in a series without a rule. `known`: null if there is no earlier value. A number
 * that follows values of another kind is no change. `shift`: how much a total moved because its list gained or lost
 * items, which is no change of the total.
 */
export function detectChange(
  known: SeriesState | null,
  observed: Observed,
  policy: Policy,
  shift: number = 0,
): Detected {
  const { value, type } = observed
  if (value.kind !== 'number') {
    if (known === null || !policy.types.has(type) || readsTheSame(known.last, value)) return { change: null }
    return { change: changeOf('changed', known, known.last, value) }
  }
  const { insight } = policy
  if (!insight) return { change: known?.last.kind === 'number' ? detectByPercent(known, observed, policy) : null }
  return detectNumber(known, value.number, observed, { ...policy, insight }, shift)
}

/**
 * Asks the detectors. While the history does not suffice for them, a percentage decides, which says nothing of a total
 * whose list changed.
 */
function detectNumber(
  known: SeriesState | null,
  number: number,
  observed: Observed,
  policy: Required<Policy>,
  shift: number,
): Required<Detected> {
  const before = known?.signal && shift !== 0 ? moveBy(known.signal, shift) : (known?.signal ?? null)
  const { verdict, state: signal } = judgePoint(before, observed.observedAt, number, { isComparable: true })
  const { kind, score, reason } = verdict
  const said = { points: signal.seen - 1, kind, score, reason }
  if (known?.last.kind !== 'number') return { change: null, signal, said }
  if (kind === 'learning')
    return {
      change: shift === 0 ? detectByPercent(known, observed, { ...policy, steps: 2 * policy.steps }) : null,
      signal,
      said,
    }
  if (kind === 'late' || score < policy.insight.tellFrom) return { change: null, signal, said }
  // What is not told must not keep what follows from being told.
  if (isSlight(said, signal, observed.type === 'int') || isAftermath(known, signal.values))
    return { change: null, signal: withoutTelling(signal, before), said }
  const from: Value = { kind: 'number', number: known.last.number + shift }
  const told = shift === 0 ? reason : `${reason}, not counting items that came or went`
  const change = { ...changeOf('threshold', known, from, observed.value), rule: insightRule }
  return { change: { ...change, signal: { kind, score, reason: told } }, signal, said }
}

function detectByPercent(known: SeriesState, observed: Observed, { steps, threshold }: Policy): Change | null {
  const { value, type } = observed
  if (value.kind !== 'number' || isUsual(known.recent, value.number, type, steps)) return null
  return judgeRule(percentRule(defaultRule, threshold), known, observed).change
}

function changeOf(kind: Change['kind'], { observedAt: since }: SeriesState, before: Value, now: Value): Change {
  const percent = kind === 'threshold' ? percentOf(before, now) : null
  return { kind, rule: null, before, now, percent, window: null, since }
}

/** The state after a point as if it had not been unusual. `before`: the state before it. */
function withoutTelling(signal: SignalState, before: SignalState | null): SignalState {
  const { telemetry, scores } = signal
  if (telemetry) return { ...signal, telemetry: { ...telemetry, told: before?.telemetry?.told ?? 0 } }
  return { ...signal, scores: [...scores.slice(0, -1), 0] }
}

/** The past of a series as if its level had always been another one. */
function moveBy(signal: SignalState, by: number): SignalState {
  return { ...signal, values: signal.values.map((one) => one + by) }
}
