import type { Database } from '#runtime/postgres/database.ts'
import type { JudgeConfig } from '../config.ts'
import type { Criteria } from '../judge/judge-payloads.ts'
import { policiesOf } from '../judge/policies.ts'
import { compileRules } from '../rules/compile-rules.ts'
import { viewRules } from '../rules/rules-in-force.ts'
import { compileAsked, findCovered, type RuleRow } from './asked-rules.ts'
import type { Selection } from './histories.ts'

/** What to judge by, and which values that needs. */
export type Asked = { criteria: Criteria } & Pick<Selection, 'companies' | 'measurements'>

type Connection = Pick<Database, 'any'>

/** By one rule alone: what it does not cover is not judged. */
export async function askRule(config: JudgeConfig, connection: Connection, row: RuleRow): Promise<Asked> {
  const rules = compileAsked(row, config.MAX_WINDOW)
  const { keptValues } = policiesOf(config)
  return { criteria: { rules, policy: null, itemPolicy: null, keptValues }, ...(await findCovered(connection, rules)) }
}

/** By the detectors alone, or with `row` where it covers a measurement. */
export function askDetectors(config: JudgeConfig, row: RuleRow | null): Asked {
  const rules = row ? compileAsked(row, config.MAX_WINDOW) : compileRules([], config.MAX_WINDOW)
  return { criteria: { rules, ...policiesOf(config) }, companies: null, measurements: null }
}

/** By all rules as they stand now and, where none covers a measurement, by the defaults: as the analyzer does. */
export async function askAll(config: JudgeConfig, connection: Connection): Promise<Asked> {
  const rules = compileRules(await viewRules(connection), config.MAX_WINDOW)
  return { criteria: { rules, ...policiesOf(config) }, companies: null, measurements: null }
}
