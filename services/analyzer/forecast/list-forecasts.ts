import type { Command } from 'commander'
import { z } from 'zod'
import { findCompany, findSource, isoTime, withDatabase } from '#runtime/commands/command-database.ts'
import { printRows } from '#runtime/commands/commands.ts'
import { requireCount } from '#runtime/commands/read-typed.ts'
import { type Database, sql } from '#runtime/postgres/database.ts'

export function build(group: Command): void {
  group
    .command('ls')
    .description('list the newest forecasts of numbers, one and four values ahead')
    .option('--company <company>', 'only numbers of this company: id or name')
    .option('--source <source>', 'only numbers from this source: id or name')
    .option('--measurement <name>', 'only numbers of this measurement')
    .option('--limit <n>', 'at most this many forecasts', '50')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
8 of 10 values lie from low to high. mean_error: how far such forecasts of the same number were off on average.`,
    )
    .action(list)
}

const forecastRow = z.object({
  company: z.string(),
  source: z.string(),
  measurement: z.string(),
  item: z.string().nullable(),
  made_at: z.string(),
  steps: z.number(),
  for_time: z.string(),
  forecast: z.number(),
  low: z.number().nullable(),
  high: z.number().nullable(),
  mean_error: z.number().nullable(),
  model: z.string(),
})

type Options = { company?: string; source?: string; measurement?: string; limit: string; json?: boolean }

async function list({ limit, json = false, ...filter }: Options): Promise<void> {
  const count = requireCount(limit, '--limit')
  const rows = await withDatabase(async (database) =>
    readForecasts(database, count, {
      company: filter.company === undefined ? null : await findCompany(database, filter.company),
      source: filter.source === undefined ? null : await findSource(database, filter.source),
      measurement: filter.measurement ?? null,
    }),
  )
  printRows(rows, json, ['made_at', 'for_time'])
}

type Filter = { company: number | null; source: number | null; measurement: string | null }

function readForecasts(database: Database, limit: number, { company, source, measurement }: Filter) {
  return database.any(sql.type(forecastRow)`
    SELECT c.name AS company, d.source_name AS source, m.measurement_name AS measurement,
      nullif(concat_ws(' / ', nullif(f.subject_key, ''), nullif(f.item_key, '')), '') AS item,
      ${isoTime(sql.fragment`f.made_at`)} AS made_at, f.steps, ${isoTime(sql.fragment`f.for_time`)} AS for_time,
      f.value AS forecast, f.low, f.high, f.mean_error, f.model
    FROM analyzer.forecast f
    JOIN public.company_source_measurement s USING (company_measurement_id)
    JOIN public.source_measurement m ON m.id = s.source_measurement_id
    JOIN public.company c ON c.id = s.company_id
    JOIN public.data_source d ON d.id = m.source_module_id
    WHERE (${company}::int IS NULL OR c.id = ${company}) AND (${source}::int IS NULL OR d.id = ${source})
      AND (${measurement}::text IS NULL OR m.measurement_name = ${measurement})
    ORDER BY c.name, c.id, d.source_name, m.measurement_name, f.subject_key, f.item_key, f.steps LIMIT ${limit}`)
}
