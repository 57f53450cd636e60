import type { Observation, ObservedValue } from '#schemas/generated/types.ts'
import type { Rule, RuleProblem, Rules } from './compile-rules.ts'
import type { Policy } from './defaults.ts'
import { type Firing, judge, type SeriesState } from './judge.ts'
import { readValue } from './value.ts'

/** All parts of an observation as one. */
export type Payload = Omit<Observation, 'part' | 'parts'>

/** A value that is news. `silent`: nobody is messaged. */
export type Found = { firing: Firing; value: ObservedValue; silent: boolean }

export type Judged = { found: Found[]; problems: RuleProblem[]; states: Map<string, SeriesState> }

export type Knowledge = {
  rules: Rules
  policy: Policy
  /** How many numbers a series remembers if no rule asks for more. */
  keptValues: number
  /** What the series of the payload are, by seriesKey. */
  states: ReadonlyMap<string, SeriesState>
  /** What a series was before the payload, for those that know a newer one already, by seriesKey. */
  past: ReadonlyMap<string, SeriesState>
}

/**
 * Judges a payload by what was before it: earlier payloads, never values of the same. One that comes late is judged by its
 * own past and changes no state. `states` of the result are those that changed.
 */
export function judgePayload(payload: Payload, { rules, policy, keptValues, states, past }: Knowledge): Judged {
  const { event_no: eventNo, observed_at: observedAt } = payload
  const judged: Judged = { found: [], problems: [], states: new Map() }
  for (const [key, observed] of seriesOf(payload)) {
    const value = readValue(observed)
    const state = states.get(key) ?? null
    if (value === null || state?.eventNo === eventNo) continue
    const of = rules.get(observed.source_measurement_id) ?? { rules: [], problems: [] }
    const measure = { rules: of.rules, policy, keep: Math.max(keptValues, longestWindow(of.rules)) }
    const late = isLate(payload, state)
    const before = late ? (past.get(key) ?? null) : state
    const {
      firings,
      problems,
      state: next,
    } = judge(before, { eventNo, observedAt, type: observed.type, value }, measure)
    judged.problems.push(...of.problems, ...problems)
    if (!late) judged.states.set(key, next)
    const silent = late || payload.history || payload.replay_id !== null
    judged.found.push(...firings.map((firing) => ({ firing, value: observed, silent })))
  }
  return judged
}

/** The values of a payload by series. A series has one value per payload, its last. */
export function seriesOf(payload: Payload): Map<string, ObservedValue> {
  return new Map(payload.values.map((value) => [seriesKey(payload, value), value]))
}

export function seriesKey({ subject_key }: Payload, { company_measurement_id, item_key }: ObservedValue): string {
  return `${company_measurement_id}\0${subject_key}\0${item_key ?? ''}`
}

export function isLate({ observed_at }: Payload, state: Pick<SeriesState, 'observedAt'> | null): boolean {
  return state !== null && observed_at < state.observedAt
}

export function longestWindow(rules: readonly Rule[]): number {
  return Math.max(0, ...rules.map(({ window }) => window?.entries ?? 0))
}
