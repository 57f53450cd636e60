import type { Command } from 'commander'
import { auditCommand } from '#runtime/changes/audit-command.ts'
import { withDatabase } from '#runtime/commands/command-database.ts'
import { printResult } from '#runtime/commands/commands.ts'
import { seedRules } from '../catalog/seed-rules.ts'

export function build(group: Command): void {
  group
    .command('seed')
    .description('add the rules that measurements of well-known sources start with, as GET /notification-rules does')
    .option('--json', 'print JSON')
    .action(async ({ json = false }: { json?: boolean }) => {
      const added = await withDatabase((database) =>
        database.transaction(async (tx) => {
          const count = await seedRules(tx)
          if (count > 0)
            await auditCommand(tx, 'edge', { kind: 'edge.rule.seed', subject: 'rules', after: { rules: count } })
          return count
        }),
      )
      printResult({ added }, `added ${added} rules`, json)
    })
}
