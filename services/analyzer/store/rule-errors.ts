import { v5 as uuidv5 } from 'uuid'
import { z } from 'zod'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import type { OpsEvent } from '#schemas/generated/types.ts'
import type { Payload } from '../values/payload.ts'
import type { RuleProblem } from '../rules/compile-rules.ts'

const errorRow = z.object({
  rule_id: z.string(),
  version: z.number(),
  event_id: z.string(),
  replay_id: z.string(),
  data_source_id: z.number(),
  message: z.string(),
  facts: z.record(z.string(), z.string()),
  seen_at: z.number(),
})

/** A rule that cannot be applied, and the first payload it was needed for. */
type RuleError = z.infer<typeof errorRow>

/** Stores rules that cannot be applied. Each version of a rule is reported once. */
export async function insertRuleErrors(
  tx: Transaction,
  found: readonly { payload: Payload; problems: readonly RuleProblem[] }[],
): Promise<void> {
  const rows = found.flatMap(({ payload: { event_id, replay_id, data_source_id, source_name }, problems }) =>
    problems.map(({ rule: { id: rule_id, version, name }, message }) => ({
      ...{ rule_id, version, event_id, replay_id: replay_id ?? '', data_source_id },
      message: `Rule ${JSON.stringify(name)} (${rule_id}) cannot be applied: ${message}.`,
      facts: { rule_id, version: String(version), rule_name: name, source_name },
    })),
  )
  const distinct = [...new Map(rows.toReversed().map((row) => [`${row.rule_id}/${row.version}`, row])).values()]
  if (distinct.length === 0) return
  await tx.query(sql.unsafe`
    INSERT INTO analyzer.rule_error (rule_id, version, event_id, replay_id, data_source_id, message, facts)
    SELECT rule_id, version, event_id, replay_id, data_source_id, message, facts
    FROM jsonb_populate_recordset(NULL::analyzer.rule_error, ${JSON.stringify(distinct)}::jsonb)
    ON CONFLICT DO NOTHING`)
}

/** The rule errors that these payloads were the first to show. */
export async function readRuleErrors(tx: Transaction, eventIds: readonly string[]): Promise<readonly RuleError[]> {
  if (eventIds.length === 0) return []
  return tx.any(sql.type(errorRow)`
    SELECT rule_id, version, event_id, replay_id, data_source_id, message, facts, seen_at FROM analyzer.rule_error
    WHERE event_id = ANY(${sql.array(eventIds, 'uuid')}) ORDER BY rule_id, version`)
}

/** The ops event of a rule error: the same at each delivery. */
export function opsEventOf({
  rule_id,
  version,
  event_id,
  data_source_id,
  message,
  facts,
  seen_at,
}: RuleError): OpsEvent {
  const dedupe_key = `analyzer/rule-error/${rule_id}/${version}`
  return {
    event_id: uuidv5(dedupe_key, event_id),
    kind: 'rule-error',
    service: 'analyzer',
    data_source_id,
    subject: rule_id,
    message,
    resolved: false,
    dedupe_key,
    at: seen_at,
    facts,
  }
}
