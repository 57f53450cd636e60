import { auditCommand } from '#runtime/changes/audit-command.ts'
import type { Transaction } from '#runtime/postgres/database.ts'
import { insertRule, insertVersion } from '../rules/change-rules.ts'
import type { RuleDefinition } from '../rules/read-definition.ts'

/** Writes a new rule, with an audit row. Returns its id. */
export async function addRule(tx: Transaction, definition: RuleDefinition, by: string): Promise<string> {
  const subject = await insertRule(tx, definition, by)
  await auditCommand(tx, 'analyzer', { kind: 'analyzer.rule.add', subject, by, after: definition })
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
  const did = { kind: 'analyzer.rule.edit', subject: next.rule_id, by }
  await auditCommand(tx, 'analyzer', { ...did, before, after: next.definition })
}
