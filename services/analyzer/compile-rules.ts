import { findMethod, type Method } from './aggregate.ts'

/** A row of public.notification_rules, with the version analyzer.rule knows it by. Anybody may have written anything there. */
export type RuleRow = {
  rule_id: string
  version: number
  name: string
  source_measurement_id: number
  /** Percent. NaN and the infinities come as text. */
  threshold: number | string
  method: string | null
  entries: number | null
}

export type Rule = {
  id: string
  version: number
  name: string
  /** Percent, 0: any change. */
  threshold: number
  /** Null: the new value against the last one. `entries` null: all values that are remembered. */
  window: { method: Method; entries: number | null } | null
}

/** Why a rule cannot be followed, with the remedy. */
export type RuleProblem = { rule: Pick<Rule, 'id' | 'version' | 'name'>; message: string }

/** What to judge by, by source_measurement_id. */
export type Rules = Map<number, { rules: Rule[]; problems: RuleProblem[] }>

/**
 * Rules as they are judged by. Without a method, the number of entries means nothing. A rule that cannot be followed is a
 * problem, and its measurement is judged as if it were not there.
 */
export function compileRules(rows: readonly RuleRow[], maxWindow: number): Rules {
  const byMeasurement: Rules = new Map()
  for (const row of rows) {
    const of = byMeasurement.get(row.source_measurement_id) ?? { rules: [], problems: [] }
    byMeasurement.set(row.source_measurement_id, of)
    const compiled = compileRule(row, maxWindow)
    if (typeof compiled !== 'string') of.rules.push(compiled)
    else of.problems.push({ rule: { id: row.rule_id, version: row.version, name: row.name }, message: compiled })
  }
  return byMeasurement
}

function compileRule(
  { rule_id: id, version, name, threshold, method, entries }: RuleRow,
  maxWindow: number,
): Rule | string {
  if (typeof threshold !== 'number') return `its threshold is ${threshold}: give a percentage of 0 or more`
  if (threshold < 0)
    return `its threshold is ${threshold}: give a percentage of 0 or more, changes up and down both count`
  const rule = { id, version, name, threshold }
  if (method === null || method.trim() === '') return { ...rule, window: null }
  const known = findMethod(method)
  if (known === null)
    return `its aggregation method ${JSON.stringify(method.slice(0, 100))} is unknown: use sum, avg, count, min, max or median, or none`
  if (entries !== null && (entries < 1 || entries > maxWindow))
    return `it aggregates ${entries} values: use 1 to ${maxWindow}, or none for all`
  return { ...rule, window: { method: known, entries } }
}
