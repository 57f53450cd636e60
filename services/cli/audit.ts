import type { Command } from 'commander'
import { z } from 'zod'
import { isoTime, withDatabase } from '#runtime/commands/command-database.ts'
import { printRows } from '#runtime/commands/commands.ts'
import { requireCount, requireTime } from '#runtime/commands/read-typed.ts'
import { sql } from '#runtime/postgres/database.ts'

const auditRow = z.object({
  at: z.string(),
  actor: z.string(),
  kind: z.string(),
  subject: z.string(),
  reason: z.string().nullable(),
  before: z.unknown(),
  after: z.unknown(),
  change_id: z.string().nullable(),
})

export function build(group: Command): void {
  group
    .command('ls')
    .description('list who did what, the newest first')
    .option('--actor <actor>', 'only what this actor did: person:17, link:17, key:name or cli:name')
    .option('--kind <kind>', 'only this kind, or all that begin with it, such as notifier.mute')
    .option('--subject <subject>', 'only what was done to this, such as person:17')
    .option('--since <time>', 'only from this date or time on (ISO 8601)')
    .option('--limit <count>', 'at most so many', '100')
    .option('--json', 'print JSON')
    .action(list)
}

type Options = { actor?: string; kind?: string; subject?: string; since?: string; limit: string; json?: boolean }

async function list(options: Options): Promise<void> {
  const { actor = null, kind = null, subject = null } = options
  const since = requireTime(options.since, '--since') ?? null
  const limit = requireCount(options.limit, '--limit', { most: 100_000 })
  const wanted = sql.fragment`
    WHERE coalesce(actor = ${actor}, true) AND coalesce(subject = ${subject}, true)
      AND coalesce(starts_with(kind, ${kind}), true) AND coalesce(at >= ${since}::timestamptz, true)
    ORDER BY at DESC, audit_id DESC LIMIT ${limit}`
  const columns = sql.fragment`at, audit_id, actor, kind, subject, reason, before, after, change_id`
  const rows = await withDatabase((database) =>
    database.any(sql.type(auditRow)`
      SELECT ${isoTime(sql.fragment`at`)} AS at, actor, kind, subject, reason, before, after, change_id
      FROM (
        (SELECT ${columns} FROM notifier.audit_view ${wanted})
        UNION ALL (SELECT ${columns} FROM analyzer.audit_view ${wanted})
        UNION ALL (SELECT ${columns} FROM edge.audit_view ${wanted})
        UNION ALL (SELECT ${columns} FROM normalizer.audit_view ${wanted})
        UNION ALL (SELECT ${columns} FROM scheduler.audit_view ${wanted})
      ) a ORDER BY a.at DESC, audit_id DESC LIMIT ${limit}`),
  )
  if (options.json) return printRows(rows, true)
  printRows(
    rows.map(({ change_id: _, before, after, ...row }) => ({ ...row, before: shown(before), after: shown(after) })),
    false,
    ['at'],
  )
}

function shown(value: unknown): string {
  return value === null || value === undefined ? '' : JSON.stringify(value)
}
