import { auditCommand } from '#runtime/changes/audit-command.ts'
import { withDatabase } from '#runtime/commands/command-database.ts'
import { sql } from '#runtime/postgres/database.ts'

/**
 * Makes a change to what is no service's, and writes its row of the audit log with what `change` returns; null: nothing
 * has changed. Without Postgres nothing is changed.
 */
export async function audited(kind: string, subject: string, change: () => Promise<unknown>): Promise<void> {
  await withDatabase(async (database) => {
    await database.query(sql.unsafe`SELECT FROM cli.audit LIMIT 0`)
    const after = await change()
    await auditCommand(database, 'cli', { kind: `cli.${kind}`, subject, after })
  })
}
