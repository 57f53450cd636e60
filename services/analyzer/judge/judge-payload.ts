import type { ObservedValue } from '#schemas/generated/types.ts'
import { isPositional } from '../detect/item-keys.ts'
import { isDefault, type Policy } from '../detect/defaults.ts'
import type { Rule, RuleProblem, Rules } from '../rules/compile-rules.ts'
import type { SeriesState } from '../values/series-state.ts'
import { readValue } from '../values/value.ts'
import { findCleanUps, isSmallFall } from '../detect/find-clean-ups.ts'
import { findTotals, type Total } from '../detect/find-totals.ts'
import { type Anchor, type ItemsFound, judgeItems, type SubjectState } from '../detect/judge-items.ts'
import type { ItemPolicy } from '../detect/keep-items.ts'
import { judge } from './judge.ts'
import { mergeAlike } from './merge-alike.ts'
import { mergeFirings, type ValueFound } from './merge-firings.ts'
import { isLate, type Payload, seriesKey, seriesOf } from '../values/payload.ts'

/** A value or list items that are news. `silent`: nobody is notified. */
export type Found = ValueFound | { items: ItemsFound; silent: boolean }

export type Judged = {
  found: Found[]
  problems: RuleProblem[]
  /** Series that changed, by seriesKey. */
  states: Map<string, SeriesState>
  /** Null if it did not change. */
  subject: SubjectState | null
}

export type Knowledge = {
  rules: Rules
  /** Null: only rules make news of values. */
  policy: Policy | null
  /** Null: items that come and go are no news. */
  itemPolicy: ItemPolicy | null
  /** How many numbers a series remembers, unless a rule needs more. */
  keptValues: number
  /** The state of the payload's series, by seriesKey. */
  states: ReadonlyMap<string, SeriesState>
  /** The state before the payload of series that already have a newer one, by seriesKey; null if there was none. */
  past: ReadonlyMap<string, SeriesState | null>
  /** The state of the payload's subject; null if this is its first payload. */
  subject: SubjectState | null
}

/**
 * Judges a payload by earlier payloads, never by values of its own. A late payload is judged by its own past, without
 * the memory of rules over days or in a row, and changes no state. Late payloads and replays do not show which items
 * come and go.
 */
export function judgePayload(payload: Payload, knowledge: Knowledge): Judged {
  const { rules, policy, itemPolicy, keptValues, states, past, subject } = knowledge
  const { event_no: eventNo, observed_at: observedAt } = payload
  const quiet = payload.history || payload.replay_id !== null
  const judged: Judged = { found: [], problems: [], states: new Map(), subject: null }
  if (itemPolicy !== null && payload.replay_id === null && !isLate(payload, subject)) {
    const judgement = judgeItems(subject, payload, itemPolicy, policy?.insight ? states : undefined)
    judged.subject = judgement.state
    // A rule `never` for the first measurement of a list mutes the list.
    const isMuted = (anchor: Anchor) => rules(payload, anchor).rules.some(({ condition }) => condition.kind === 'never')
    const items = judgement.found.filter(({ anchor }) => !isMuted(anchor))
    judged.found.push(...items.map((found) => ({ items: found, silent: quiet })))
  }
  const totals = policy?.insight ? findTotals(payload, states, subject) : new Map<string, Total>()
  const cleanUps = policy?.insight ? findCleanUps(payload, states) : new Set<number>()
  const fired: Omit<ValueFound, 'also'>[] = []
  for (const [key, observed] of seriesOf(payload)) {
    const value = readValue(observed)
    const state = states.get(key) ?? null
    if (value === null || state?.eventNo === eventNo) continue
    const of = rules(payload, observed)
    const measure = {
      rules: of.rules,
      policy: observed.item_key !== null && isPositional(observed.item_key) ? null : policy,
      keep: Math.max(keptValues, longestWindow(of.rules)),
      shift: totals.get(key)?.shift ?? 0,
    }
    const late = isLate(payload, state)
    const before = late ? (past.get(key) ?? null) : state
    const {
      firings,
      problems,
      state: next,
    } = judge(before, { eventNo, observedAt, type: observed.type, value }, measure)
    judged.problems.push(...of.problems, ...problems)
    if (!late) judged.states.set(key, next)
    const isTotal = totals.has(key)
    const isCleaned = cleanUps.has(totals.get(key)?.summand ?? observed.company_measurement_id)
    for (const firing of firings) {
      const isClean =
        isCleaned && (firing.rule === null || isDefault(firing.rule)) && isSmallFall(firing.before, firing.now)
      fired.push({ firing, value: observed, silent: quiet || late || firing.held || isClean, isTotal })
    }
  }
  const merged = mergeFirings(fired)
  const totalOf = (value: ObservedValue) => totals.get(seriesKey(payload, value)) ?? null
  judged.found.push(...(policy?.insight ? mergeAlike(merged, totalOf) : merged))
  return judged
}

/** In values. Windows over days keep what they need themselves. */
export function longestWindow(rules: readonly Rule[]): number {
  return Math.max(0, ...rules.map(({ window }) => (window && 'runs' in window ? (window.runs ?? 0) : 0)))
}
