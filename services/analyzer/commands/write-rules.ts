import { isDeepStrictEqual } from 'node:util'
import { auditCommand } from '#runtime/changes/audit-command.ts'
import type { Transaction } from '#runtime/postgres/database.ts'
import { insertRule, insertVersion } from '../rules/change-rules.ts'
import type { RuleDefinition } from '../rules/read-definition.ts'

/** Writes a new rule, with an audit row. Returns its id. */
export async function addRule(tx: Transaction, definition: RuleDefinition, by: string): Promise<string> {
  const subject = await insertRule(tx, definition, by)
  await auditCommand(tx, 'analyzer', { kind: 'analyzer.rule.save', subject, by, after: definition })
  return subject
}

/** Writes the next version of a rule, with an audit row. `before`: the definition of the version before. */
export async function writeVersion(
  tx: Transaction,
  next: { rule_id: string; version: number; definition: RuleDefinition },
  before: RuleDefinition,
  by: string,
): Promise<void> {
  await insertVersion(tx, next, by)
  // As a page names it, where switching has a button of its own.
  const isSwitch = isDeepStrictEqual({ ...before, enabled: next.definition.enabled }, next.definition)
  const kind = isSwitch ? 'analyzer.rule.switch' : 'analyzer.rule.save'
  const did = { kind, subject: next.rule_id, by }
  await auditCommand(tx, 'analyzer', { ...did, before, after: next.definition })
}
