import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import { RefusedError } from '#runtime/changes/apply-changes.ts'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { lock } from '#runtime/postgres/lock.ts'
import { findProblem, type OwnRow } from './compile-rules.ts'
import { addBucketCompanies, readOwnRules } from './own-rules.ts'
import { describeIssues, ruleDefinition, type RuleDefinition } from './read-definition.ts'

// Rules as commands and pages write them. Each function throws a RefusedError where a rule must not be as it is asked for.

/** Keeps others from writing rules until the transaction ends. */
export async function lockRules(tx: Transaction): Promise<void> {
  await lock(tx, 'analyzer.rule')
}

/** The definition that somebody sent. */
export function readAskedDefinition(definition: unknown): RuleDefinition {
  const read = ruleDefinition.safeParse(definition)
  if (read.success) return read.data
  throw new RefusedError(`This is not a valid rule: ${describeIssues(read.error)}.`)
}

/** The rule with the companies of its buckets. */
export async function checkRule(
  tx: Pick<Transaction, 'any'>,
  rule: Omit<OwnRow, 'bucketCompanies'>,
  maxWindow: number,
): Promise<OwnRow> {
  const [row] = await addBucketCompanies(tx, [rule])
  const problem = findProblem(row!, maxWindow)
  if (problem !== null) throw new RefusedError(`This rule cannot be applied: ${problem}.`)
  return row!
}

/** Of rules with one name and one scope, only the newest would ever apply. `except`: the rule itself. */
export function requireOther(rules: readonly OwnRow[], { name, scope }: RuleDefinition, except?: string): void {
  const same = rules.find(({ rule_id, definition }) => {
    const known = ruleDefinition.safeParse(definition).data
    return rule_id !== except && known?.name === name && isDeepStrictEqual(known.scope, scope)
  })
  if (same) throw new RefusedError(`${same.rule_id} already has this name and scope. Edit it, or choose another name.`)
}

/** The rule with this id. */
export function requireRule(rules: readonly OwnRow[], text: string): OwnRow {
  const id = /^\d+$/.test(text) ? `rule/${text}` : text
  const known = rules.find(({ rule_id }) => rule_id === id)
  if (known) return known
  if (id.startsWith('notification_rules/')) throw new RefusedError(`${id} is a rule of parma-web. Change it there.`)
  throw new RefusedError(`There is no rule ${JSON.stringify(text)}. \`parma rules ls\` lists all rules.`)
}

const idRow = z.object({ rule_id: z.string() })

/** Writes a new rule. Returns its id. */
export function insertRule(tx: Transaction, definition: RuleDefinition, by: string): Promise<string> {
  return tx.oneFirst(sql.type(idRow)`
    INSERT INTO analyzer.rule (rule_id, version, definition, changed_by)
    VALUES ('rule/' || nextval('analyzer.rule_number'), 1, ${JSON.stringify(definition)}::jsonb, ${by})
    RETURNING rule_id`)
}

/** Writes the next version of a rule. */
export async function insertVersion(
  tx: Transaction,
  { rule_id, version, definition }: { rule_id: string; version: number; definition: RuleDefinition },
  by: string,
): Promise<void> {
  await tx.query(sql.unsafe`
    INSERT INTO analyzer.rule (rule_id, version, definition, changed_by)
    VALUES (${rule_id}, ${version}, ${JSON.stringify(definition)}::jsonb, ${by})`)
}

const changedRow = z.object({ changed_by: z.string().nullable() })

/** The newest version of a rule and all rules, which must be the one that the operator saw. */
export async function requireSeen(tx: Transaction, rule: string, version: number) {
  await lockRules(tx)
  const rules = await readOwnRules(tx)
  const known = requireRule(rules, rule)
  if (known.version !== version) {
    const newest = await tx.one(sql.type(changedRow)`
      SELECT changed_by FROM analyzer.rule WHERE rule_id = ${rule} AND version = ${known.version}`)
    const who = newest.changed_by === null ? '' : ` by ${newest.changed_by}`
    throw new RefusedError(
      `${rule} was changed meanwhile${who}: it is at version ${known.version}, and you saw ${version}. Nothing was saved.`,
    )
  }
  return { rules, known, before: readAskedDefinition(known.definition) }
}
