import { z } from 'zod'
import { isoTime } from '#runtime/commands/command-database.ts'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { defaultRule, insightRule } from '../detect/defaults.ts'
import { findProblem } from '../rules/compile-rules.ts'
import { describeRule, describeScope } from '../rules/describe-rule.ts'
import { readOwnRules } from '../rules/own-rules.ts'
import { ruleDefinition } from '../rules/read-definition.ts'
import { readPublished } from '../rules/rules-in-force.ts'

const versionRow = z.object({
  rule_id: z.string(),
  version: z.number(),
  since: z.string(),
  changed_by: z.string().nullable(),
  reported: z.string().nullable(),
})

/** All rules as they are now, for a person. `problem`: why a rule cannot be applied. */
export async function listRules(database: Database, maxWindow: number) {
  const published = (await readPublished(database)).map(({ rule_id, version, definition }) => {
    const { name, threshold, method, entries, source_measurement_id } = definition
    const over = method === null ? '' : ` in the ${method} over ${entries ?? 'all'} values`
    return {
      ...{ rule_id, version, name, fires: `a change by ${threshold}% or more${over}` },
      ...{ about: `measurement ${source_measurement_id}`, severity: null, enabled: true, definition },
      problem: findProblem({ rule_id, version, ...definition }, maxWindow),
    }
  })
  const own = (await readOwnRules(database)).map((row) => {
    const { rule_id, version, definition } = row
    const { data } = ruleDefinition.safeParse(definition)
    return {
      ...{ rule_id, version, name: data?.name ?? null, fires: data ? describeRule(data) : null },
      ...{ about: data ? describeScope(data.scope) : null, severity: data?.severity ?? null },
      ...{ enabled: data?.enabled ?? true, definition, problem: findProblem(row, maxWindow) },
    }
  })
  const versions = await database.any(sql.type(versionRow)`
    SELECT r.rule_id, r.version, ${isoTime(sql.fragment`since`)} AS since, changed_by,
      e.message AS reported
    FROM analyzer.rule r LEFT JOIN analyzer.rule_error e USING (rule_id, version)`)
  const known = new Map(versions.map((one) => [`${one.rule_id} ${one.version}`, one]))
  return [...published, ...own].map(({ problem, ...rule }) => {
    const { since = null, changed_by = null, reported = null } = known.get(`${rule.rule_id} ${rule.version}`) ?? {}
    return { ...rule, problem: problem ?? reported, since, changed_by }
  })
}

/**
 * The rules that apply where no rule covers a measurement, as `parma rules ls` shows them: the one in force first, and
 * the one that it replaced. They have no definition: settings decide.
 */
export function listDefaultRules(detector: 'insight' | 'percent', threshold: number) {
  const percent = `a change by ${threshold}% or more that is not normal for the series`
  const rows = [
    {
      ...{ rule_id: insightRule.id, version: insightRule.version },
      fires: 'what is unusual for its series',
      about:
        detector === 'insight'
          ? 'numbers that no rule covers; in force, in place of default/percent'
          : 'nothing; DEFAULT_DETECTOR=insight puts it in force',
      enabled: detector === 'insight',
    },
    {
      ...{ rule_id: defaultRule.id, version: defaultRule.version },
      fires: percent,
      about:
        detector === 'insight'
          ? 'numbers that no rule covers, while their history does not suffice for default/insight; DEFAULT_DETECTOR=percent brings it back for all'
          : 'numbers that no rule covers; in force',
      enabled: true,
    },
  ]
  const unset = { severity: null, definition: null, problem: null, since: null, changed_by: null }
  return (detector === 'insight' ? rows : rows.toReversed()).map((row) => ({ ...row, name: 'default', ...unset }))
}
