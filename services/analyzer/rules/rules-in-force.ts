import { z } from 'zod'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { createCache } from '#runtime/calls/cache.ts'
import type { Config } from '../config.ts'
import { compileRules, type OwnRow, type PublicRow, type Rules } from './compile-rules.ts'
import { readOwnRules } from './own-rules.ts'

const definition = z.object({
  name: z.string(),
  source_measurement_id: z.number(),
  threshold: z.union([z.number(), z.string()]),
  method: z.string().nullable(),
  entries: z.number().nullable(),
})
const ruleRow = z.object({ rule_id: z.string(), version: z.number(), definition })

/** The rules in force, at most RULES_MAX_AGE_MS old. */
export type ReadRules = () => Promise<Rules>

export function openRules({ RULES_MAX_AGE_MS, MAX_WINDOW }: Config, database: Database): ReadRules {
  const cache = createCache<Rules>({ maxEntries: 1, lifeMs: () => RULES_MAX_AGE_MS })
  let compiled: { rules: Rules; content: string } | null = null

  async function read(): Promise<Rules> {
    const published = await readPublished(database)
    const rows = [...published.map(rowOf), ...(await readOwnRules(database))]
    const content = JSON.stringify(rows)
    // Compiled rules remember their answers.
    if (compiled?.content !== content) compiled = { rules: compileRules(rows, MAX_WINDOW), content }
    return compiled.rules
  }

  return () => cache.get('all', read)
}

/** The rows of public.notification_rules as rules. One whose content is new has the next version. */
const versioned = sql.fragment`
    WITH current AS (
      SELECT rule_id AS row_id, 'notification_rules/' || rule_id AS rule_id, jsonb_build_object(
        'name', rule_name, 'source_measurement_id', source_measurement_id, 'threshold', threshold,
        'method', aggregation_method, 'entries', num_aggregation_entries) AS definition
      FROM public.notification_rules
    ), known AS (
      SELECT DISTINCT ON (rule_id) rule_id, version, definition FROM analyzer.rule ORDER BY rule_id, version DESC
    ), versioned AS (
      SELECT c.*, coalesce(k.version, 0) + (k.definition IS DISTINCT FROM c.definition)::int AS version
      FROM current c LEFT JOIN known k USING (rule_id)
    )`

/** Reads public.notification_rules. Each new content of a rule becomes a version in analyzer.rule. */
export async function readPublished(database: Database): Promise<readonly z.infer<typeof ruleRow>[]> {
  return database.any(sql.type(ruleRow)`${versioned}, added AS (
      INSERT INTO analyzer.rule (rule_id, version, definition)
      SELECT rule_id, version, definition FROM versioned
      ON CONFLICT DO NOTHING
    )
    SELECT rule_id, version, definition FROM versioned ORDER BY row_id`)
}

/** All rules as they stand now, those of parma-web first. Writes no version. */
export async function viewRules(connection: Pick<Database, 'any'>): Promise<(PublicRow | OwnRow)[]> {
  const published = await connection.any(sql.type(ruleRow)`
    ${versioned} SELECT rule_id, version, definition FROM versioned ORDER BY row_id`)
  return [...published.map(rowOf), ...(await readOwnRules(connection))]
}

function rowOf({ definition, ...row }: z.infer<typeof ruleRow>): PublicRow {
  return { ...row, ...definition }
}
