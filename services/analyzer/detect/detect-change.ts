import { percentRule } from '../rules/compile-rules.ts'
import { type Change, judgeRule } from '../rules/judge-rule.ts'
import type { Observed, SeriesState } from '../values/series-state.ts'
import { readsTheSame } from '../values/value.ts'
import { defaultRule, type Policy } from './defaults.ts'
import { isUsual } from './is-usual-step.ts'

/** The change that is news by `policy`, in a series without a rule. Its last value must be of the same kind. */
export function detectChange(known: SeriesState, observed: Observed, policy: Policy): Change | null {
  const { value, type } = observed
  if (value.kind === 'number') {
    if (isUsual(known.recent, value.number, type, policy.steps)) return null
    return judgeRule(percentRule(defaultRule, policy.threshold), known, observed).change
  }
  if (!policy.types.has(type) || readsTheSame(known.last, value)) return null
  const { last: before, observedAt: since } = known
  return { kind: 'changed', rule: null, before, now: value, percent: null, window: null, since }
}
