import type { Command } from 'commander'
import { auditCommand } from '#runtime/changes/audit-command.ts'
import { printResult } from '#runtime/commands/commands.ts'
import { readEnv } from '#runtime/process/config.ts'
import { postgresSettings } from '#runtime/process/settings.ts'
import { openPool } from '#runtime/postgres/database.ts'
import { statement } from '#runtime/commands/statement.ts'
import { renderRoles } from '#schemas/postgres-roles.ts'

export function build(group: Command): void {
  group
    .command('apply')
    .description('give each service a role of Postgres with the least that it needs; again after each migration')
    .option('--dry-run', 'print the SQL, change nothing')
    .option('--json', 'print JSON')
    .action(async ({ dryRun = false, json = false }: { dryRun?: boolean; json?: boolean }) => {
      const statements = renderRoles()
      if (!dryRun) await apply(statements)
      const text = statements.map((statement) => `${statement};`).join('\n')
      printResult(statements, dryRun ? text : `${statements.length} statements applied.`, json)
    })
}

/** Runs them as the owner of the schemas, who may create roles: all or none. */
async function apply(statements: readonly string[]): Promise<void> {
  const database = await openPool(readEnv(postgresSettings))
  try {
    await database.transaction(async (tx) => {
      for (const text of statements) await tx.query(statement(text))
      await auditCommand(tx, 'cli', {
        ...{ kind: 'cli.roles.apply', subject: 'roles', after: { statements: statements.length } },
      })
    })
  } finally {
    await database.end()
  }
}
