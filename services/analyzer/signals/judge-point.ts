import { advance, advanceTelemetry } from './advance.ts'
import { explain, type Kind } from './explain.ts'
import { measurePoint } from './measure.ts'
import model from './model.json' with { type: 'json' }
import { emptyState, leastPoints, stateVersion, type SignalState } from './state.ts'
import { flattenTrees, sumTrees, tellOnce } from './score.ts'
import { explainTelemetry } from '../telemetry/explain-telemetry.ts'
import { isTelemetry, readTelemetry } from '../telemetry/read-telemetry.ts'

/** What is known of a point beside its value. */
export type Context = {
  /**
   * False for a total whose list gained or lost items since the point before: the two cannot be compared. The point is
   * not judged, and the series goes on from its value.
   */
  isComparable: boolean
}

export type Verdict = {
  /** `learning`: the history does not suffice. `late`: the time is not after that of the point before. */
  kind: Kind | 'ordinary' | 'learning' | 'late' | 'incomparable'
  /** How likely the point is a change rather than what the series always does: 0 ≤ score < 1, not rounded. */
  score: number
  /** In words, without name or measurement: "largest rise in 14 months". Empty for what is ordinary. */
  reason: string
}

/** From this score on a point is told: about one false news item in two months of a company of 40 numbers. */
export const tellFrom = model.tellFrom

const trees = flattenTrees(model)
const largest = 1e120

/**
 * Judges a point by the points before it, and returns the state with it. Pure: the same state, time, value and context
 * give the same verdict on every machine. A point whose time is not after the last one changes nothing.
 */
export function judgePoint(
  state: SignalState | null,
  time: number,
  value: number,
  { isComparable }: Context,
): { verdict: Verdict; state: SignalState } {
  const before = state?.version === stateVersion ? state : emptyState()
  const last = before.times.at(-1)
  if (last !== undefined && time <= last) return { verdict: { kind: 'late', score: 0, reason: '' }, state: before }
  // JSON has no negative zero.
  const number = Math.max(-largest, Math.min(largest, value)) + 0
  if (last === undefined) return { verdict: learning(0), state: advance(before, time, number, null, 0) }
  if (!isComparable) {
    const moved = rebase(before, number)
    return { verdict: { kind: 'incomparable', score: 0, reason: '' }, state: advance(moved, time, number, null, 0) }
  }
  if (isTelemetry(before.times, time)) return judgeTelemetry(before, time, number)
  const measured = measurePoint(before, time, number)
  if (before.seen < leastPoints)
    return { verdict: learning(before.seen), state: advance(before, time, number, measured, 0) }
  // The sum of trees is a step function: the surprise itself keeps apart what they make equal.
  const odds = sumTrees(trees, measured.features) + 1e-3 * measured.features[0]!
  const own = 1 / (1 + Math.exp(-odds))
  const score = tellOnce(before.scores, own)
  const verdict: Verdict =
    score < tellFrom ? { kind: 'ordinary', score, reason: '' } : { ...explain(before, time, number, measured), score }
  return { verdict, state: advance(before, time, number, measured, own) }
}

function judgeTelemetry(before: SignalState, time: number, value: number): { verdict: Verdict; state: SignalState } {
  const reading = readTelemetry(before.telemetry, before.times.at(-1)!, before.values.at(-1)!, time, value)
  const { score } = reading
  const state = advanceTelemetry(before, time, value, reading.memory)
  if (before.seen < leastPoints) return { verdict: learning(before.seen), state }
  if (score < tellFrom) return { verdict: { kind: 'ordinary', score, reason: '' }, state }
  return { verdict: { ...explainTelemetry(value, reading), score }, state }
}

function learning(seen: number): Verdict {
  return { kind: 'learning', score: 0, reason: `insufficient history (${seen} of ${leastPoints})` }
}

/** The past of a series as if it had always been at this level. */
function rebase(state: SignalState, value: number): SignalState {
  const by = value - state.values.at(-1)!
  return { ...state, values: state.values.map((one) => one + by) }
}
