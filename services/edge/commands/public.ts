import type { Command } from 'commander'
import { z } from 'zod'
import { auditCommand } from '#runtime/changes/audit-command.ts'
import { findCompany, isoTime, withDatabase } from '#runtime/commands/command-database.ts'
import { printResult, printRows } from '#runtime/commands/commands.ts'
import { confirm, withYes } from '#runtime/commands/confirm.ts'
import { sql } from '#runtime/postgres/database.ts'
import { formatCount } from '#runtime/text/format.ts'

export function build(group: Command): void {
  withYes(
    group
      .command('prune')
      .description(
        'remove the rows of public.notification and public.report, which keep parma-web from deleting a company; parma-web shows none of them, and what was sent stays in `parma deliveries`',
      ),
  )
    .option('--company <company>', 'only those about this company: id or name')
    .option('--dry-run', 'print how many rows of which companies would go, change nothing')
    .option('--json', 'print JSON')
    .action(prune)
}

const companyRow = z.object({
  company_id: z.number(),
  company: z.string(),
  notifications: z.number(),
  reports: z.number(),
  oldest: z.string(),
  newest: z.string(),
})

type Options = { company?: string; dryRun?: boolean; yes?: boolean; json?: boolean }

async function prune({ company, dryRun = false, yes, json = false }: Options): Promise<void> {
  await withDatabase(async (database) => {
    const only = company === undefined ? null : await findCompany(database, company)
    const isAsked = sql.fragment`(${only}::int IS NULL OR company_id = ${only})`
    const found = await database.any(sql.type(companyRow)`
      SELECT c.id AS company_id, c.name AS company,
        count(*) FILTER (WHERE kind = 'notification')::int AS notifications,
        count(*) FILTER (WHERE kind = 'report')::int AS reports,
        ${isoTime(sql.fragment`min(r.created_at) AT TIME ZONE 'UTC'`)} AS oldest,
        ${isoTime(sql.fragment`max(r.created_at) AT TIME ZONE 'UTC'`)} AS newest
      FROM (
        SELECT 'notification' AS kind, company_id, created_at FROM public.notification WHERE ${isAsked}
        UNION ALL
        SELECT 'report', company_id, created_at FROM public.report WHERE ${isAsked}
      ) r JOIN public.company c ON c.id = r.company_id
      GROUP BY c.id ORDER BY c.id`)
    if (dryRun) return printRows(found, json, ['oldest', 'newest'])
    const sum = (kind: 'notifications' | 'reports') => found.reduce((total, one) => total + one[kind], 0)
    const what = `${formatCount(sum('notifications'), 'notification')} and ${formatCount(sum('reports'), 'report')}`
    if (found.length > 0) await confirm(yes, `This removes ${what} in parma-web's tables.`)
    const removed = await database.transaction(async (tx) => {
      const rows = {
        notifications: (await tx.query(sql.unsafe`DELETE FROM public.notification WHERE ${isAsked}`)).rowCount,
        reports: (await tx.query(sql.unsafe`DELETE FROM public.report WHERE ${isAsked}`)).rowCount,
      }
      const subject = only === null ? 'companies' : `company:${only}`
      if (rows.notifications + rows.reports > 0)
        await auditCommand(tx, 'edge', { kind: 'edge.public.prune', subject, before: rows })
      return rows
    })
    const done = [formatCount(removed.notifications, 'notification'), formatCount(removed.reports, 'report')]
    printResult(removed, `removed ${done.join(' and ')}`, json)
  })
}
