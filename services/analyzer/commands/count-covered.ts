import { z } from 'zod'
import { type Database, sql } from '#runtime/postgres/database.ts'
import type { Rules } from '../rules/compile-rules.ts'

const measured = z.object({
  company_id: z.string(),
  data_source_id: z.number(),
  source_measurement_id: z.number(),
  measurement_name: z.string(),
  is_number: z.boolean(),
  series: z.number(),
})

export type Covered = { series: number; companies: number; measurements: number }

/** How many of the known series the rule `ruleId` judges, if `rules` are in force. */
export async function countCovered(database: Pick<Database, 'any'>, rules: Rules, ruleId: string): Promise<Covered> {
  const rows = await database.any(sql.type(measured)`
    SELECT c.company_id::text, m.source_module_id AS data_source_id, m.id AS source_measurement_id, m.measurement_name,
      s.state->'last'->>'kind' IN ('number', 'bool') AS is_number, count(*)::int AS series
    FROM analyzer.series_state s
    JOIN public.company_source_measurement c USING (company_measurement_id)
    JOIN public.source_measurement m ON m.id = c.source_measurement_id
    GROUP BY 1, 2, 3, 4, 5`)
  const covered = rows.filter((row) =>
    rules(row, row).rules.some(
      ({ id, condition }) =>
        id === ruleId && (row.is_number || condition.kind === 'changed' || condition.kind === 'never'),
    ),
  )
  return {
    series: covered.reduce((sum, { series }) => sum + series, 0),
    companies: new Set(covered.map(({ company_id }) => company_id)).size,
    measurements: new Set(covered.map(({ source_measurement_id }) => source_measurement_id)).size,
  }
}
