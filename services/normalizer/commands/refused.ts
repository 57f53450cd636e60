import { type Command } from 'commander'
import { z } from 'zod'
import { findSource, withDatabase } from '#runtime/commands/command-database.ts'
import { printRows } from '#runtime/commands/commands.ts'
import { requireCount } from '#runtime/commands/read-typed.ts'
import { sql } from '#runtime/postgres/database.ts'
import { isoDay } from '#runtime/text/format.ts'
import { remedyOf } from '#runtime/understand/remedies.ts'

type Filter = { source?: string; reason?: string; json?: boolean }

export function build(group: Command): void {
  filtered(group.command('ls')).description('count what is refused by source and reason, with the remedy').action(list)
  filtered(group.command('show'))
    .description('list each refused value or payload, newest first')
    .option('--limit <n>', 'at most this many rows', '50')
    .action(show)
}

function filtered(command: Command): Command {
  return command
    .option('--source <source>', 'id or name of a data source')
    .option('--reason <reason>', 'only this reason')
    .option('--json', 'print JSON')
}

const countRow = z.object({
  source: z.string(),
  reason: z.string(),
  payloads: z.number(),
  values: z.number(),
  oldest: z.number(),
  newest: z.number(),
})

/** Only what is still open. A payload that was refused as a whole has no values yet. */
async function list({ json = false, ...filter }: Filter): Promise<void> {
  const rows = await withDatabase(async (database) => {
    const source = filter.source === undefined ? null : await findSource(database, filter.source)
    return database.any(sql.type(countRow)`
      SELECT p.source_name AS source, r.reason, count(DISTINCT r.event_no) AS payloads, sum(r.leaves)::int8 AS values,
        min(r.refused_at) AS oldest, max(r.refused_at) AS newest
      FROM normalizer.refused r JOIN normalizer.processed_event p USING (event_no)
      WHERE r.superseded_by IS NULL
        AND (r.data_source_id = ${source} OR ${source}::int IS NULL)
        AND (r.reason = ${filter.reason ?? null} OR ${filter.reason ?? null}::text IS NULL)
      GROUP BY p.source_name, r.reason ORDER BY p.source_name, payloads DESC, r.reason`)
  })
  printRows(
    rows.map(({ oldest, newest, ...row }) => ({
      ...row,
      ...{ oldest: isoDay(oldest), newest: isoDay(newest), remedy: remedyOf(row.reason) },
    })),
    json,
  )
}

const refusedRow = z.object({
  source: z.string(),
  event_id: z.string(),
  company_id: z.string(),
  map_version: z.number().nullable(),
  reason: z.string(),
  path: z.string(),
  item_key: z.string().nullable(),
  sample: z.string(),
})

async function show({ json = false, limit, ...filter }: Filter & { limit: string }): Promise<void> {
  const count = requireCount(limit, '--limit')
  const rows = await withDatabase(async (database) => {
    const source = filter.source === undefined ? null : await findSource(database, filter.source)
    return database.any(sql.type(refusedRow)`
      SELECT p.source_name AS source, p.event_id, r.company_id, r.map_version, r.reason, r.path, r.item_key, r.sample
      FROM normalizer.refused r JOIN normalizer.processed_event p USING (event_no)
      WHERE r.superseded_by IS NULL
        AND (r.data_source_id = ${source} OR ${source}::int IS NULL)
        AND (r.reason = ${filter.reason ?? null} OR ${filter.reason ?? null}::text IS NULL)
      ORDER BY r.event_no DESC, r.seq LIMIT ${count}`)
  })
  printRows(rows, json)
}
