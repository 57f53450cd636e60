import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { UsageError } from '#runtime/commands/commands.ts'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { compileRules, findProblem, type OwnRow, type PublicRow, type Rules } from '../rules/compile-rules.ts'
import { addBucketCompanies } from '../rules/own-rules.ts'
import { describeIssues, ruleDefinition } from '../rules/read-definition.ts'
import { viewRules } from '../rules/rules-in-force.ts'

type Connection = Pick<Database, 'any'>
export type RuleRow = OwnRow | PublicRow

/** The rule with this id, as `parma rules ls` shows it, or of this file. */
export async function readAskedRule(connection: Connection, text: string): Promise<RuleRow> {
  const id = /^\d+$/.test(text) ? `rule/${text}` : text
  if (!/^(rule|notification_rules)\/\d+$/.test(id)) return readRuleFile(connection, text)
  const rule = (await viewRules(connection)).find(({ rule_id }) => rule_id === id)
  if (rule) return rule
  throw new UsageError(`There is no rule ${JSON.stringify(text)}. \`parma rules ls\` lists all rules.`)
}

/** The id of a rule that is not stored. */
export const newRuleId = 'rule/new'

async function readRuleFile(connection: Connection, file: string): Promise<OwnRow> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (!['ENOENT', 'EISDIR', 'EACCES', 'ENOTDIR'].includes(error.code ?? '')) throw error
    throw new UsageError(
      `--rule is ${JSON.stringify(file)}: there is neither a rule with this id nor a file that can be read. \`parma rules ls\` lists all rules.`,
    )
  })
  const definition = readDefinition(text, file)
  const [row] = await addBucketCompanies(connection, [{ rule_id: newRuleId, version: 1, definition }])
  return row!
}

const withDefinition = z.object({ definition: z.unknown() })

function readDefinition(text: string, file: string): z.output<typeof ruleDefinition> {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (error) {
    throw new UsageError(`${file} is not JSON (${(error as Error).message}): ${remedy}`)
  }
  const read = ruleDefinition.safeParse(withDefinition.safeParse(json).data?.definition ?? json)
  if (read.success) return read.data
  throw new UsageError(`${file} is not a rule (${describeIssues(read.error)}): ${remedy}`)
}

const remedy = 'take the definition that `parma rules add … --dry-run --json` prints.'

/** Only this rule, as if it were enabled. A UsageError when it cannot be applied. */
export function compileAsked(row: RuleRow, maxWindow: number): Rules {
  const problem = findProblem(row, maxWindow)
  if (problem !== null) throw new UsageError(`${row.rule_id} cannot be applied: ${problem}.`)
  const { data } = readOwn(row)
  return compileRules(
    [data && 'definition' in row ? { ...row, definition: { ...data, enabled: true } } : row],
    maxWindow,
  )
}

/** What to say of a rule that is disabled; null if it is not. */
export function describeDisabled(row: RuleRow): string | null {
  if (readOwn(row).data?.enabled !== false) return null
  const remedy = row.rule_id === newRuleId ? '' : ` \`parma rules edit ${row.rule_id} --enable\` enables it.`
  return `${row.rule_id} is disabled, and judged here as if it were not.${remedy}`
}

const readOwn = (row: RuleRow) => ruleDefinition.safeParse('definition' in row ? row.definition : null)

const measuredRow = z.object({
  company_id: z.string(),
  data_source_id: z.number(),
  source_measurement_id: z.number(),
  measurement_name: z.string(),
})

/** The companies and source measurements that rules cover. */
export async function findCovered(
  connection: Connection,
  rules: Rules,
): Promise<{ companies: number[]; measurements: number[] }> {
  const rows = await connection.any(sql.type(measuredRow)`
    SELECT DISTINCT c.company_id::text, m.source_module_id AS data_source_id, m.id AS source_measurement_id,
      m.measurement_name
    FROM public.company_source_measurement c JOIN public.source_measurement m ON m.id = c.source_measurement_id`)
  const covered = rows.filter((row) => rules(row, row).rules.length > 0)
  return {
    companies: [...new Set(covered.map(({ company_id }) => Number(company_id)))],
    measurements: [...new Set(covered.map(({ source_measurement_id }) => source_measurement_id))],
  }
}
