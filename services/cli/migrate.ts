import type { Command } from 'commander'
import { glob } from 'node:fs/promises'
import { basename, dirname, resolve } from 'node:path'
import { auditCommand } from '#runtime/changes/audit-command.ts'
import { withDatabase } from '#runtime/commands/command-database.ts'
import { printResult } from '#runtime/commands/commands.ts'
import { readEnv } from '#runtime/process/config.ts'
import type { AddressSettings } from '#runtime/process/database-address.ts'
import { postgresSettings } from '#runtime/process/settings.ts'
import { migrate } from '#runtime/postgres/migrate.ts'

const services = resolve(import.meta.dirname, '..')

export function build(group: Command): void {
  group
    .option('--dry-run', 'print what would run, change nothing')
    .option('--json', 'print JSON')
    .action(async ({ dryRun = false, json = false }: { dryRun?: boolean; json?: boolean }) => {
      const config = readEnv(postgresSettings)
      const done: { service: string; migration: string }[] = []
      for (const dir of await findMigrations()) {
        const service = basename(dirname(dir))
        for (const migration of await migrate(config, service, dir, dryRun)) {
          done.push({ service, migration })
          if (!json) console.log(`${service}: ${migration}${dryRun ? ' would run' : ''}`)
        }
      }
      if (!dryRun && done.length > 0)
        await withDatabase((database) =>
          auditCommand(database, 'cli', { kind: 'cli.migrate', subject: 'migrations', after: done }),
        )
      if (json || done.length === 0) printResult(done, 'Everything is up to date.', json)
    })
}

/** What `parma migrate` would run, as `<service>: <migration>`. */
export async function listPending(config: AddressSettings): Promise<string[]> {
  const pending: string[] = []
  for (const dir of await findMigrations()) {
    const service = basename(dirname(dir))
    for (const migration of await migrate(config, service, dir, true)) pending.push(`${service}: ${migration}`)
  }
  return pending
}

/** The migrations folders of all services, in a fixed order. */
async function findMigrations(): Promise<string[]> {
  const found = await Array.fromAsync(glob('*/migrations', { cwd: services }))
  return found.map((dir) => resolve(services, dir)).sort()
}
