import { z } from 'zod'
import { auditCommand } from '#runtime/changes/audit-command.ts'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { lock } from '#runtime/postgres/lock.ts'
import type { RuleDefinition } from '../rules/read-definition.ts'

/** Keeps others from writing rules until the transaction ends. */
export async function lockRules(tx: Transaction): Promise<void> {
  await lock(tx, 'analyzer.rule')
}

const idRow = z.object({ rule_id: z.string() })

/** Returns the new rule's id. Leaves an audit row. */
export async function insertRule(tx: Transaction, definition: RuleDefinition, by: string): Promise<string> {
  const subject = await tx.oneFirst(sql.type(idRow)`
    INSERT INTO analyzer.rule (rule_id, version, definition, changed_by)
    VALUES ('rule/' || nextval('analyzer.rule_number'), 1, ${JSON.stringify(definition)}::jsonb, ${by})
    RETURNING rule_id`)
  await auditCommand(tx, 'analyzer', { kind: 'analyzer.rule.add', subject, by, after: definition })
  return subject
}

/** Leaves an audit row. `before`: the definition of the version before. */
export async function insertVersion(
  tx: Transaction,
  { rule_id, version, definition }: { rule_id: string; version: number; definition: RuleDefinition },
  before: RuleDefinition,
  by: string,
): Promise<void> {
  await tx.query(sql.unsafe`
    INSERT INTO analyzer.rule (rule_id, version, definition, changed_by)
    VALUES (${rule_id}, ${version}, ${JSON.stringify(definition)}::jsonb, ${by})`)
  const did = { kind: 'analyzer.rule.edit', subject: rule_id, by }
  await auditCommand(tx, 'analyzer', { ...did, before, after: definition })
}
