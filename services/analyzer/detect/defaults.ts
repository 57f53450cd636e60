import type { Severity } from '#schemas/generated/types.ts'
import type { Rule } from '../rules/compile-rules.ts'

/** What is news without a rule; the table in README.md explains it. */
export type Policy = {
  /** Numbers are judged by the detectors of `signals/`, which tell scores from `tellFrom` on. Absent: by `threshold`. */
  insight?: { tellFrom: number }
  /** Percent. */
  threshold: number
  /** A move of fewer usual steps than this is not news. */
  steps: number
  /** Types whose changes are news. */
  types: ReadonlySet<string>
}

export const defaultRule = { id: 'default/percent', version: 2, name: 'default' }

/** What the detectors find is told by this rule. */
export const insightRule: Rule = {
  ...{ id: 'default/insight', version: 1, name: 'default' },
  condition: { kind: 'unusual' },
  ...{ window: null, inARow: 1, coolDownMs: 0, severity: null, named: false },
}

/** Whether a rule is one of ours, which apply where no rule covers a measurement. */
export const isDefault = ({ id }: Pick<Rule, 'id'>) => id === defaultRule.id || id === insightRule.id

/** A change of this many percent or more is a warning. */
const warnFrom = 50

export function severityOf(percent: number | null): Severity {
  return percent !== null && Math.abs(percent) >= warnFrom ? 'warning' : 'info'
}
