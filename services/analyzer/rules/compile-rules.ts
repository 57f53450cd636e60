import { dayMs } from '#runtime/text/time.ts'
import type { ObservedValue, Severity } from '#schemas/generated/types.ts'
import { findMethod, type Method } from '../values/aggregate.ts'
import type { Tolerance } from '../values/similarity.ts'
import { hasWildcard, matchGlob } from './match-glob.ts'
import { ruleDefinition, type RuleDefinition, describeIssues } from './read-definition.ts'

type Versioned = { rule_id: string; version: number }

/** A row of public.notification_rules, with its version in analyzer.rule. Nothing in it can be trusted. */
export type PublicRow = Versioned & {
  name: string
  source_measurement_id: number
  /** Percent. NaN and the infinities come as text. */
  threshold: number | string
  method: string | null
  entries: number | null
}

/** A rule of our own. `bucketCompanies`: the companies that are in the buckets of its scope. */
export type OwnRow = Versioned & { definition: unknown; bucketCompanies: readonly number[] }

/**
 * When a rule fires. `by`: in percent or absolute. A level can be crossed again only after the value was back at
 * `recovery`.
 */
export type Condition =
  | { kind: 'percent' | 'absolute'; by: number; direction: 'up' | 'down' | 'both' }
  | { kind: 'from-zero'; direction: 'up' | 'down' | 'both' }
  | Level
  | ({ kind: 'changed' } & Tolerance)
  | { kind: 'never' }
  /** What the detectors find; no rule that a person writes says so. */
  | { kind: 'unusual' }

export type Level = { kind: 'above' | 'below'; level: number; recovery: number }

export type Window =
  /** `runs` null: all values that are remembered. */
  | { method: Method; runs: number | null }
  /** `most`: windows of more values are not compared. */
  | { method: Method; days: number; most: number }

export type Rule = {
  id: string
  version: number
  name: string
  condition: Condition
  /** Null: the new value against the last one. */
  window: Window | null
  inARow: number
  coolDownMs: number
  severity: Severity | null
  /** Its scope names measurements without a wildcard, so a measurement it cannot judge is a mistake. */
  named: boolean
}

/** Why a rule cannot be applied, with the remedy. */
export type RuleProblem = { rule: Pick<Rule, 'id' | 'version' | 'name'>; message: string }

/** The rules for one measurement of a company. */
type RulesFor = { rules: readonly Rule[]; problems: readonly RuleProblem[] }

type Judged = { company_id: string; data_source_id: number }
type Measured = Pick<ObservedValue, 'source_measurement_id' | 'measurement_name'>

export type Rules = (of: Judged, value: Measured) => RulesFor

type Scoped = Pick<Rule, 'id' | 'version' | 'name'> & {
  compiled: Rule | string
  /** How narrow the scope is, if they are in it; null if they are not. */
  fit(of: Judged, value: Measured): number | null
  /** Of our own rules with one name only the one with the narrowest scope applies. */
  isOwn: boolean
}

/** One object for all measurements without a rule, which are most. */
const nothing: RulesFor = { rules: [], problems: [] }

/** The rules for a source measurement of a name, by id. */
type Answers = Map<number, Answer>
type Answer = { name: string; answer: RulesFor }

/** How many answers are remembered. */
const maxAnswers = 100_000

/**
 * Finds the rules for a measurement. A rule that cannot be applied is a problem, and its measurement is judged as if
 * the rule did not exist. A public row without a method has no window, whatever its number of entries. Our own rules
 * come last, in the order of `rows`.
 */
export function compileRules(rows: readonly (PublicRow | OwnRow)[], maxWindow: number): Rules {
  const scoped = rows.flatMap((row) => readRow(row, maxWindow))
  const answers = new Map<string, Answers>()
  let count = 0
  // The values of a payload are asked for one after the other.
  let last: { of: Judged; answers: Answers } | null = null
  return (of, value) => {
    if (last?.of !== of) last = { of, answers: answersOf(of) }
    const { source_measurement_id: id, measurement_name: name } = value
    const known = last.answers.get(id)
    if (known?.name === name) return known.answer
    const answer = select(scoped, of, value)
    if (++count > maxAnswers) {
      answers.clear()
      last.answers = answersOf(of)
      count = 1
    }
    last.answers.set(id, { name, answer })
    return answer
  }

  function answersOf({ company_id, data_source_id }: Judged): Answers {
    const key = `${company_id}/${data_source_id}`
    const known = answers.get(key) ?? new Map<number, Answer>()
    answers.set(key, known)
    return known
  }
}

/** Why a rule cannot be applied to any measurement; null if it can. */
export function findProblem(row: PublicRow | OwnRow, maxWindow: number): string | null {
  const [read] = readRow(row, maxWindow)
  return typeof read?.compiled === 'string' ? read.compiled : null
}

/** Empty if the rule is switched off. */
function readRow(row: PublicRow | OwnRow, maxWindow: number): Scoped[] {
  return 'definition' in row ? readOwn(row, maxWindow) : [readPublic(row, maxWindow)]
}

function select(scoped: readonly Scoped[], of: Judged, value: Measured): RulesFor {
  const problems: RuleProblem[] = []
  const rules: Rule[] = []
  const own = new Map<string, { fit: number; rule: Rule }>()
  for (const { id, version, name, compiled, isOwn, fit } of scoped) {
    const fits = fit(of, value)
    if (fits === null) continue
    if (typeof compiled === 'string') problems.push({ rule: { id, version, name }, message: compiled })
    else if (!isOwn) rules.push(compiled)
    else if (fits >= (own.get(name)?.fit ?? 0)) own.set(name, { fit: fits, rule: compiled })
  }
  if (rules.length + own.size + problems.length === 0) return nothing
  return { rules: [...rules, ...[...own.values()].map(({ rule }) => rule)], problems }
}

function readPublic(row: PublicRow, maxWindow: number): Scoped {
  const { rule_id: id, version, name, source_measurement_id } = row
  return {
    ...{ id, version, name, compiled: compilePublic(row, maxWindow), isOwn: false },
    fit: (_, value) => (value.source_measurement_id === source_measurement_id ? 0 : null),
  }
}

function compilePublic({ rule_id: id, version, name, threshold, method, entries }: PublicRow, maxWindow: number) {
  if (typeof threshold !== 'number') return `its threshold is ${threshold}: give a percentage of 0 or more`
  if (threshold < 0) return `its threshold is ${threshold}: give a percentage of 0 or more; rises and falls both count`
  const rule = percentRule({ id, version, name }, threshold)
  if (method === null || method.trim() === '') return rule
  const known = findMethod(method)
  if (known === null)
    return `its aggregation method ${JSON.stringify(method.slice(0, 100))} is unknown: use sum, avg, count, min, max or median, or leave it empty`
  if (entries !== null && (entries < 1 || entries > maxWindow))
    return `it aggregates ${entries} values: use 1 to ${maxWindow}, or leave it empty for all values`
  return { ...rule, window: { method: known, runs: entries } }
}

/** A rule that fires on changes by `by` percent or more, up and down. */
export function percentRule(rule: Pick<Rule, 'id' | 'version' | 'name'>, by: number): Rule {
  return {
    ...rule,
    condition: { kind: 'percent', by, direction: 'both' },
    ...{ window: null, inARow: 1, coolDownMs: 0, severity: null, named: true },
  }
}

function readOwn({ rule_id: id, version, definition, bucketCompanies }: OwnRow, maxWindow: number): Scoped[] {
  const read = ruleDefinition.safeParse(definition)
  // Its scope is unknown, so the problem is reported with the first measurement that is judged.
  if (!read.success) {
    const compiled = `its definition is invalid (${describeIssues(read.error)}): add it again with \`parma rules add\``
    return [{ ...{ id, version, name: id, compiled, isOwn: true }, fit: () => 0 }]
  }
  if (!read.data.enabled) return []
  const { name, scope } = read.data
  const compiled = compileOwn({ id, version }, read.data, maxWindow)
  return [{ ...{ id, version, name, compiled, isOwn: true }, fit: fitOf(scope, bucketCompanies) }]
}

function compileOwn(head: Pick<Rule, 'id' | 'version'>, definition: RuleDefinition, maxWindow: number): Rule | string {
  const { name, when, window, in_a_row, cool_down_days, severity, scope } = definition
  if (window && 'runs' in window && window.runs > maxWindow)
    return `it aggregates ${window.runs} values: use 1 to ${maxWindow}`
  return {
    ...{ ...head, name, inARow: in_a_row, coolDownMs: cool_down_days * dayMs, severity },
    condition: 'level' in when ? { ...when, recovery: when.recovery ?? when.level } : when,
    window: window && ('days' in window ? { ...window, most: maxWindow } : window),
    named: !hasWildcard(scope.measurement),
  }
}

function fitOf(scope: RuleDefinition['scope'], bucketCompanies: readonly number[]): Scoped['fit'] {
  const [companies, inBuckets, sources] = [scope.companies, bucketCompanies, scope.sources].map((ids) => new Set(ids))
  const isForAll = scope.companies.length + scope.buckets.length === 0
  const nameFit = scope.measurement === '*' ? 0 : hasWildcard(scope.measurement) ? 1 : 2
  return ({ company_id, data_source_id }, { measurement_name }) => {
    const companyFit = isForAll ? 0 : companies!.has(+company_id) ? 2 : inBuckets!.has(+company_id) ? 1 : null
    const sourceFit = scope.sources.length === 0 ? 0 : sources!.has(data_source_id) ? 1 : null
    if (companyFit === null || sourceFit === null || !matchGlob(scope.measurement, measurement_name)) return null
    return companyFit * 100 + sourceFit * 10 + nameFit
  }
}
