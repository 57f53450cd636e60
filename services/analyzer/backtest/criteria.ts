import { createHash } from 'node:crypto'
import { UsageError } from '#runtime/commands/commands.ts'
import type { Database } from '#runtime/postgres/database.ts'
import metadata from '../../../package.json' with { type: 'json' }
import { type JudgeConfig, judgeSettings } from '../config.ts'
import type { Criteria } from '../judge/judge-payloads.ts'
import { policiesOf } from '../judge/policies.ts'
import { compileRules } from '../rules/compile-rules.ts'
import { viewRules } from '../rules/rules-in-force.ts'
import { compileAsked, findCovered, type RuleRow } from './asked-rules.ts'
import type { Selection } from './histories.ts'

/**
 * What to judge by, as it can be sent to another thread. `rule`: by it alone. `detectors`: by them, or with `row` where it
 * covers a measurement. `all`: by these rules and, where none covers a measurement, by the defaults, as the analyzer does.
 */
export type Basis =
  | { kind: 'rule'; row: RuleRow }
  | { kind: 'detectors'; row: RuleRow | null; tellFrom: number }
  | { kind: 'all'; rows: readonly RuleRow[] }

/** What to judge by, and which values that needs. */
export type Asked = { basis: Basis; criteria: Criteria } & Pick<Selection, 'companies' | 'measurements'>

type Connection = Pick<Database, 'any'>

export function criteriaOf(config: JudgeConfig, basis: Basis): Criteria {
  if (basis.kind === 'all') return { rules: compileRules(basis.rows, config.MAX_WINDOW), ...policiesOf(config) }
  const rules = basis.row ? compileAsked(basis.row, config.MAX_WINDOW) : compileRules([], config.MAX_WINDOW)
  if (basis.kind === 'rule') return { rules, policy: null, itemPolicy: null, keptValues: policiesOf(config).keptValues }
  const { policy, ...others } = withDetectors(config)
  return { rules, ...others, policy: { ...policy!, insight: { tellFrom: basis.tellFrom } } }
}

/** By one rule alone: what it does not cover is not judged. */
export async function askRule(config: JudgeConfig, connection: Connection, row: RuleRow): Promise<Asked> {
  const basis: Basis = { kind: 'rule', row }
  const criteria = criteriaOf(config, basis)
  return { basis, criteria, ...(await findCovered(connection, criteria.rules)) }
}

/**
 * By the detectors alone, or with `row` where it covers a measurement. `sensitivity`: as typed; undefined: that of the
 * analyzer.
 */
export function askDetectors(config: JudgeConfig, row: RuleRow | null, sensitivity?: string): Asked {
  const normal = withDetectors(config).policy!.insight!.tellFrom
  return askEverything(config, { kind: 'detectors', row, tellFrom: readSensitivity(sensitivity ?? 'normal', normal) })
}

function withDetectors(config: JudgeConfig) {
  return policiesOf({ ...config, DEFAULT_DETECTOR: 'insight' })
}

/** How many times the odds of a change must be those from which on it is told. */
const sensitivities: Readonly<Record<string, number>> = { low: 3, normal: 1, high: 1 / 3 }

/** The score from which on a change is told. `normal`: that of the analyzer. */
export function readSensitivity(text: string, normal: number): number {
  const factor = Object.hasOwn(sensitivities, text) ? sensitivities[text]! : null
  if (factor === 1) return normal
  if (factor !== null) return (factor * normal) / (factor * normal + 1 - normal)
  const score = text.trim() === '' ? NaN : Number(text)
  if (score >= 0 && score <= 1) return score
  throw new UsageError(`--sensitivity is ${JSON.stringify(text)}: give low, normal, high or a score from 0 to 1.`)
}

/** By all rules as they stand now and, where none covers a measurement, by the defaults: as the analyzer does. */
export async function askAll(config: JudgeConfig, connection: Connection): Promise<Asked> {
  return askEverything(config, { kind: 'all', rows: await viewRules(connection) })
}

function askEverything(config: JudgeConfig, basis: Basis): Asked {
  return { basis, criteria: criteriaOf(config, basis), companies: null, measurements: null }
}

/** Equal as long as everything decides alike: rules, settings and program. */
export async function hashCriteria(config: JudgeConfig, connection: Connection): Promise<string> {
  const settings = Object.keys(judgeSettings).map((name) => config[name as keyof JudgeConfig])
  const content = JSON.stringify([await viewRules(connection), settings, metadata.version])
  return createHash('sha256').update(content).digest('hex')
}
