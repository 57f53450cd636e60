import type { Command } from 'commander'
import { z } from 'zod'
import { auditCommand } from '#runtime/changes/audit-command.ts'
import { openCommandPool, withDatabase } from '#runtime/commands/command-database.ts'
import { printResult, printRows, printText, UsageError } from '#runtime/commands/commands.ts'
import { requireTime } from '#runtime/commands/read-typed.ts'
import { openGroupTable } from '#runtime/offsets/group-table.ts'
import { sql } from '#runtime/postgres/database.ts'
import { readEnv } from '#runtime/process/config.ts'
import { createLog } from '#runtime/process/log.ts'
import { kafkaSettings, postgresSettings } from '#runtime/process/settings.ts'
import { listPending } from '../migrate.ts'
import { lookAtTopics, listRunning } from './look-at-kafka.ts'
import { findPoint, lookAtTables, type Seen } from './look-at-postgres.ts'
import { planSteps } from './plan-steps.ts'

type Options = { at?: string; dryRun?: boolean; json?: boolean }

export function build(group: Command): void {
  group
    .command('verify')
    .description('say what point in time Postgres has, whether it is whole, and what brings it up to now')
    .option('--at <time>', 'the time that was restored (ISO 8601, UTC); without it, that of the newest row')
    .option('--json', 'print JSON')
    .action(verify)
  group
    .command('advance')
    .description('after a restore of Postgres: give no task an id that one had since')
    .option('--dry-run', 'print what would be the next id, change nothing')
    .option('--json', 'print JSON')
    .action(advance)
}

async function verify({ at, json = false }: Options): Promise<void> {
  const config = readEnv({ ...postgresSettings, ...kafkaSettings })
  const asked = at === undefined ? null : Date.parse(requireTime(at, '--at'))
  await using scope = new AsyncDisposableStack()
  const database = await openCommandPool(config)
  scope.defer(() => database.end())
  await using groups = await openGroupTable(config, createLog('parma', 'silent'))
  const pending = await listPending(config)
  const tables = await lookAtTables(database, pending.length)
  const point = tables.stops ? null : await findPoint(database, asked)
  const running = await listRunning(groups)
  const topics = point === null ? [] : await lookAtTopics(groups, point.since)
  const seen: Seen[] = [
    tables,
    ...(point === null ? [] : [point.seen]),
    ...(running.length === 0
      ? [{ look: 'services', found: 'none runs', does: '', stops: false }]
      : [{ look: 'services', found: `${running.join(', ')} run`, does: 'stop them', stops: true }]),
    ...topics.map(({ seen }) => seen),
  ]
  const since = point === null ? null : new Date(point.since).toISOString()
  const isHeld = topics.every((one) => one.isHeld)
  const steps = since === null ? [] : planSteps({ since, pending: pending.length, isHeld })
  const looks = seen.map(({ stops, ...row }) => ({ ...row, ok: stops ? 'no' : 'yes' }))
  if (json)
    return printResult({ since, newest: point?.newest ?? null, kafka_holds_all: isHeld, looks, steps }, '', true)
  printRows(looks, false)
  if (steps.length > 0) printText(`\nThe steps, after all services are stopped:\n${steps.join('\n')}`)
  if (tables.stops) throw new UsageError('This is no whole backup: restore another one.')
}

/** More than an installation gives in a day. */
const gap = 100_000

const nextRow = z.object({ next: z.number() })

async function advance({ dryRun = false, json = false }: Options): Promise<void> {
  const next = await withDatabase((database) =>
    database.transaction(async (tx) => {
      const { next } = await tx.one(sql.type(nextRow)`
        SELECT coalesce(max(task_id), 0) + ${gap} AS next FROM public.scheduled_task`)
      if (dryRun) return next
      await tx.query(sql.unsafe`
        SELECT setval(pg_get_serial_sequence('public.scheduled_task', 'task_id'),
          greatest(${next}, nextval(pg_get_serial_sequence('public.scheduled_task', 'task_id'))), false)`)
      await auditCommand(tx, 'cli', { kind: 'cli.backup.advance', subject: 'tasks', after: { next } })
      return next
    }),
  )
  printResult({ next }, `The next task ${dryRun ? 'would get' : 'gets'} the id ${next} or a higher one.`, json)
}
