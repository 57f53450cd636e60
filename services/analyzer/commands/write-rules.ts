import { z } from 'zod'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { lock } from '#runtime/postgres/lock.ts'
import type { RuleDefinition } from '../rules/read-definition.ts'

/** Keeps others from writing rules until the transaction ends. */
export async function lockRules(tx: Transaction): Promise<void> {
  await lock(tx, 'analyzer.rule')
}

const idRow = z.object({ rule_id: z.string() })

/** Returns the new rule's id. */
export async function insertRule(tx: Transaction, definition: RuleDefinition, by: string): Promise<string> {
  return tx.oneFirst(sql.type(idRow)`
    INSERT INTO analyzer.rule (rule_id, version, definition, changed_by)
    VALUES ('rule/' || nextval('analyzer.rule_number'), 1, ${JSON.stringify(definition)}::jsonb, ${by})
    RETURNING rule_id`)
}

export async function insertVersion(
  tx: Transaction,
  { rule_id, version, definition }: { rule_id: string; version: number; definition: RuleDefinition },
  by: string,
): Promise<void> {
  await tx.query(sql.unsafe`
    INSERT INTO analyzer.rule (rule_id, version, definition, changed_by)
    VALUES (${rule_id}, ${version}, ${JSON.stringify(definition)}::jsonb, ${by})`)
}
