import type { Command } from 'commander'
import { z } from 'zod'
import { findCompany, findSource, isoTime, withDatabase } from '#runtime/commands/command-database.ts'
import { printResult, printRows } from '#runtime/commands/commands.ts'
import { requireCount, requireEventId } from '#runtime/commands/read-typed.ts'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { makeChange } from '../replay/appliers.ts'

export function build(group: Command): void {
  group
    .command('ls')
    .description('list values, those of the newest payloads first')
    .option('--company <company>', 'only values about this company: id or name')
    .option('--source <source>', 'only values from this source: id or name')
    .option('--measurement <name>', 'only values of this measurement')
    .option('--limit <n>', 'at most this many values', '50')
    .option('--json', 'print JSON')
    .action(list)
  group
    .command('correct')
    .description('put a value in the place of a wrong one, which is kept; to undo it, correct it again')
    .requiredOption('--event <id>', 'the payload')
    .requiredOption('--path <path>', 'path of the value, as `ls` shows it')
    .option('--item <key>', 'key of the list item; empty: none')
    .option('--seq <n>', 'place in the payload, where several values have one path and item')
    .requiredOption('--value <value>', 'what is right; a list as JSON')
    .option('--was <value>', 'change nothing unless this stands there')
    .requiredOption('--reason <text>', 'why')
    .option('--json', 'print JSON')
    .action(correct)
}

type CorrectOptions = {
  event: string
  path: string
  item?: string
  seq?: string
  value: string
  was?: string
  reason: string
  json?: boolean
}

async function correct({ event, seq, json = false, ...rest }: CorrectOptions): Promise<void> {
  const asked = {
    ...rest,
    event_id: requireEventId(event, '--event'),
    ...(seq !== undefined && { seq: requireCount(seq, '--seq', { least: 0 }) }),
  }
  const { message } = await withDatabase((database) => makeChange(database, 'normalizer.value.correct', asked))
  printResult({ message }, message, json)
}

const valueRow = z.object({
  observed_at: z.string(),
  event_id: z.string(),
  company: z.string(),
  source: z.string(),
  measurement: z.string(),
  path: z.string(),
  item: z.string().nullable(),
  value: z.union([z.string(), z.number(), z.array(z.string())]).nullable(),
})

type Options = { company?: string; source?: string; measurement?: string; limit: string; json?: boolean }

async function list({ limit, json = false, ...filter }: Options): Promise<void> {
  const count = requireCount(limit, '--limit')
  const rows = await withDatabase(async (database) =>
    readValues(database, count, {
      company: filter.company === undefined ? null : await findCompany(database, filter.company),
      source: filter.source === undefined ? null : await findSource(database, filter.source),
      measurement: filter.measurement ?? null,
    }),
  )
  printRows(rows, json, ['observed_at'])
}

type Ids = { company: number | null; source: number | null; measurement: string | null }

/** Walks back from the newest payload, because values have no index by time. */
function readValues(database: Database, limit: number, { company, source, measurement }: Ids) {
  return database.any(sql.type(valueRow)`
    SELECT ${isoTime(sql.fragment`v.observed_at`)} AS observed_at, p.event_id, coalesce(c.name, p.company_id) AS company,
      p.source_name AS source, coalesce(m.measurement_name, v.source_measurement_id::text) AS measurement, v.path,
      coalesce(v.item_label, v.item_key) AS item,
      CASE
        WHEN v.number IS NOT NULL THEN to_jsonb(v.number)
        WHEN v.date IS NOT NULL THEN to_jsonb(${isoTime(sql.fragment`v.date`)})
        WHEN v.members IS NOT NULL THEN to_jsonb(v.members)
        ELSE to_jsonb(v.text)
      END AS value
    FROM normalizer.processed_event p
    CROSS JOIN LATERAL (
      SELECT * FROM normalizer.value WHERE event_no = p.event_no AND observed_at = p.observed_at
    ) v
    LEFT JOIN public.company c ON c.id = v.company_id
    LEFT JOIN public.source_measurement m ON m.id = v.source_measurement_id
    WHERE p.replay_id = '' AND p.stored > 0
      AND (${company}::int IS NULL OR p.company_id = ${company}::text)
      AND (${source}::int IS NULL OR p.data_source_id = ${source})
      AND (${measurement}::text IS NULL OR m.measurement_name = ${measurement})
    ORDER BY p.event_no DESC, v.seq LIMIT ${limit}`)
}
