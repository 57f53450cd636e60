import { randomUUID } from 'node:crypto'
import type { Command } from 'commander'
import { z } from 'zod'
import { auditCommand } from '#runtime/changes/audit-command.ts'
import { findSource, withDatabase } from '#runtime/commands/command-database.ts'
import { printResult, UsageError } from '#runtime/commands/commands.ts'
import { requireCount } from '#runtime/commands/read-typed.ts'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { readEnv } from '#runtime/process/config.ts'
import { serviceSettings, tokenSettings } from '#runtime/process/settings.ts'
import { mintToken } from '#runtime/web/token.ts'

type Options = { source: string; task?: string; ttl: string; json?: boolean }

export function build(group: Command): void {
  group
    .command('mint')
    .description('create a token as a mining module gets it')
    .requiredOption('--source <source>', 'id or name')
    .option('--task <id>', 'task that the token is for')
    .option('--ttl <seconds>', 'lifetime of the token', '1800')
    .option('--json', 'print JSON')
    .action(mint)
}

async function mint({ source, task, ttl, json = false }: Options): Promise<void> {
  const { DEPLOYMENT_ENV } = serviceSettings
  const config = readEnv({ DEPLOYMENT_ENV, ...tokenSettings })
  const lifetimeSeconds = requireCount(ttl, '--ttl')
  const taskId = task === undefined ? undefined : requireCount(task, '--task')
  const secrets = { shared: config.PARMA_SHARED_SECRET_KEY, analytics: config.PARMA_ANALYTICS_SECRET_KEY }
  const [now, jti] = [Date.now(), randomUUID()]
  const expires_at = new Date(now + lifetimeSeconds * 1000).toISOString()
  const sourceId = await withDatabase(async (database) => {
    const id = await findSource(database, source)
    if (taskId !== undefined) await requireTask(database, id, taskId)
    // Before it is there: nobody has a token of which no row says who made it.
    const after = { jti, task: taskId ?? null, expires_at }
    await auditCommand(database, 'edge', { kind: 'edge.token.mint', subject: `source:${id}`, after })
    return id
  })
  const token = await mintToken({ sourceId, taskId, jti, now, lifetimeSeconds }, secrets)
  printResult({ token, source_id: sourceId, task_id: taskId ?? null, expires_at }, token, json)
}

async function requireTask(database: Database, sourceId: number, taskId: number): Promise<void> {
  const owner = await database.maybeOneFirst(sql.type(z.object({ data_source_id: z.number() }))`
    SELECT data_source_id FROM public.scheduled_task WHERE task_id = ${taskId}`)
  if (owner !== sourceId)
    throw new UsageError(
      owner === null ? `Task ${taskId} does not exist.` : `Task ${taskId} belongs to source ${owner}.`,
    )
}
