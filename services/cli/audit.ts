import type { Command } from 'commander'
import { type AuditLogs, readAudit } from '#runtime/changes/read-audit.ts'
import { withDatabase } from '#runtime/commands/command-database.ts'
import { printRows } from '#runtime/commands/commands.ts'
import { requireCount, requireTime } from '#runtime/commands/read-typed.ts'
import { sql } from '#runtime/postgres/database.ts'

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

const logs: AuditLogs = {
  analyzer: sql.fragment`analyzer.audit_view`,
  cli: sql.fragment`cli.audit_view`,
  edge: sql.fragment`edge.audit_view`,
  normalizer: sql.fragment`normalizer.audit_view`,
  notifier: sql.fragment`notifier.audit_view`,
  scheduler: sql.fragment`scheduler.audit_view`,
}

type Options = { actor?: string; kind?: string; subject?: string; since?: string; limit: string; json?: boolean }

async function list({ actor, kind, subject, json, ...options }: Options): Promise<void> {
  const since = requireTime(options.since, '--since')
  const limit = requireCount(options.limit, '--limit', { most: 100_000 })
  const found = await withDatabase((database) => readAudit(database, logs, { actor, kind, subject, since }, limit))
  const rows = found.map(({ audit_id: _, service: __, at, ...row }) => ({ at: new Date(at).toISOString(), ...row }))
  if (json) return printRows(rows, true)
  printRows(
    rows.map(({ change_id: _, before, after, ...row }) => ({ ...row, before: shown(before), after: shown(after) })),
    false,
    ['at'],
  )
}

function shown(value: unknown): string {
  return value === null || value === undefined ? '' : JSON.stringify(value)
}
