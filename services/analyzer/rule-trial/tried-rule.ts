import { RefusedError } from '#runtime/changes/apply-changes.ts'
import type { Payload } from '#runtime/changes/kinds.ts'
import { newRuleId, type RuleRow } from '../backtest/asked-rules.ts'
import type { Basis } from '../backtest/criteria.ts'
import { describeIssues, ruleDefinition } from '../rules/read-definition.ts'

type Tried = Pick<Payload<'analyzer.rule.try'>, 'condition' | 'direction' | 'threshold'>

/** What somebody tries on a company's series of a source: a rule, or detectors that tell what they are so sure of. */
export function triedBasis(asked: Tried, about: { company_id: number; data_source_id: number }): Basis {
  if (asked.condition !== 'unusual') return { kind: 'rule', row: triedRule(asked, about) }
  if (!(asked.threshold >= 0 && asked.threshold <= 100))
    throw new RefusedError('Detectors are sure of a change by 0 to 100 percent.')
  return { kind: 'detectors', row: null, tellFrom: asked.threshold / 100 }
}

/** The rule that somebody tries on a company's series of a source. A RefusedError when no rule can say it. */
export function triedRule(
  { condition, direction = 'both', threshold }: Tried,
  { company_id, data_source_id }: { company_id: number; data_source_id: number },
): RuleRow {
  const when =
    condition === 'above' || condition === 'below'
      ? { kind: condition, level: threshold }
      : { kind: condition, by: threshold, direction }
  const scope = { companies: [company_id], sources: [data_source_id] }
  const definition = ruleDefinition.safeParse({ name: 'tried', when, scope })
  if (!definition.success) throw new RefusedError(`No rule has this threshold: ${describeIssues(definition.error)}.`)
  return { rule_id: newRuleId, version: 1, definition: definition.data, bucketCompanies: [] }
}
