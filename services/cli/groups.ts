import type { Command } from 'commander'
import { printResult, printRows, UsageError } from '#runtime/commands/commands.ts'
import { confirm } from '#runtime/commands/confirm.ts'
import { type GroupRow, type GroupTable, openGroupTable } from '#runtime/offsets/group-table.ts'
import { requireCount } from '#runtime/commands/read-typed.ts'
import { readEnv } from '#runtime/process/config.ts'
import { createLog } from '#runtime/process/log.ts'
import { kafkaSettings } from '#runtime/process/settings.ts'
import { formatCount } from '#runtime/text/format.ts'
import { allTopics } from '#schemas/topics.ts'
import { audited } from './audited.ts'
import { chooseOffset, readTarget } from './choose-offset.ts'

type Filter = { service?: string; topic?: string; partition?: string; json?: boolean }
type Change = Filter & { service: string; dryRun?: boolean; yes?: boolean }

export function build(group: Command): void {
  group
    .command('ls')
    .description('show how far each service has read each partition, and what was deleted before it was read')
    .option('--service <name>', 'only this service')
    .option('--topic <name>', 'only this topic')
    .option('--json', 'print JSON')
    .action(list)
  group
    .command('accept-loss')
    .description('accept that records were deleted before a service had read them, so that it is ready again')
    .requiredOption('--service <name>', 'the service')
    .option('--topic <name>', 'only on this topic')
    .option('--partition <n>', 'only on this partition')
    .option('--dry-run', 'print what would be accepted, change nothing')
    .option('--json', 'print JSON')
    .action(acceptLoss)
  changing(group.command('reset'))
    .description('set where a service reads on; it must not run. Records that took effect before have no effect again')
    .requiredOption('--to <where>', '"earliest", "latest", an offset, or a time such as 2026-11-29T03:10:00Z')
    .option('--partition <n>', 'only this partition')
    .action(reset)
  changing(group.command('skip'))
    .description('leave out the next records of a partition; the service must not run')
    .requiredOption('--partition <n>', 'the partition')
    .option('--count <n>', 'how many records', '1')
    .action(skip)
}

function changing(command: Command): Command {
  return command
    .requiredOption('--service <name>', 'the service')
    .requiredOption('--topic <name>', 'the topic')
    .option('--dry-run', 'print what would change, change nothing')
    .option('--yes', 'change without asking')
    .option('--json', 'print JSON')
}

async function list({ json = false, ...filter }: Filter): Promise<void> {
  const rows = await withGroups((groups) => readSome(groups, filter))
  printRows(rows.map(shown), json)
}

async function acceptLoss({ service, dryRun, json = false, ...filter }: Change): Promise<void> {
  await withGroups(async (groups) => {
    const rows = await readSome(groups, { service, ...filter })
    const isRunning = await groups.isRunning(service)
    const lost = rows.filter(({ losses, unnoticed }) => losses.length > 0 || (unnoticed && !isRunning))
    if (dryRun) return printRows(lost.map(shown), json)
    if (lost.length > 0)
      await audited('groups.accept-loss', `service:${service}`, async () => {
        await groups.accept(service, isRunning ? lost.map((row) => ({ ...row, unnoticed: null })) : lost)
        return { lost: lost.map(shown) }
      })
    const text =
      lost.length > 0
        ? `Accepted: what ${service} lost on ${formatCount(lost.length, 'partition')}. It is ready again within seconds.`
        : `${service} has lost nothing that is not accepted.`
    printResult(lost.map(shown), text, json)
  })
}

async function reset({ to, ...options }: Change & { to: string }): Promise<void> {
  const target = readTarget(to)
  await change('reset', options, async (groups, rows) => {
    const byTime = target.kind === 'time' ? await groups.offsetsAt(rows[0]?.topic ?? '', target.at) : new Map()
    return rows.map((row) => ({ ...row, to: chooseOffset(row, target, byTime.get(row.partition) ?? null) }))
  })
}

async function skip({ count, ...options }: Change & { count: string }): Promise<void> {
  const records = requireCount(count, '--count')
  await change('skip', options, (_, rows) =>
    Promise.resolve(
      rows.map((row) => {
        const next = Math.max(row.committed ?? row.first, row.first)
        if (next + records > row.end)
          throw new UsageError(`Partition ${row.partition} holds only ${row.end - next} records that are not read.`)
        return { ...row, to: next + records }
      }),
    ),
  )
}

type Move = GroupRow & { to: number }

async function change(
  did: 'reset' | 'skip',
  { service, dryRun, yes, json = false, ...filter }: Change,
  plan: (groups: GroupTable, rows: GroupRow[]) => Promise<Move[]>,
): Promise<void> {
  await withGroups(async (groups) => {
    const moves = await plan(groups, await readSome(groups, { service, ...filter }))
    const rows = moves.map((move) => ({ ...shown(move), to: move.to }))
    if (dryRun) return printRows(rows, json)
    if (!yes && !json) printRows(rows, false)
    await confirm(yes, `This sets where ${service} reads on.`)
    if (await groups.isRunning(service))
      throw new UsageError(`${service} is running. Stop all its processes first: Kafka keeps the offsets of members.`)
    await audited(`groups.${did}`, `service:${service}`, async () => {
      await groups.move(service, moves)
      return { moved: rows }
    })
    printResult(rows, `Set for ${service}: ${formatCount(rows.length, 'partition')} of ${filter.topic}.`, json)
  })
}

async function withGroups<T>(work: (groups: GroupTable) => Promise<T>): Promise<T> {
  await using groups = await openGroupTable(readEnv(kafkaSettings), createLog('parma', 'silent'))
  return await work(groups)
}

async function readSome(groups: GroupTable, { service, topic, partition }: Filter): Promise<GroupRow[]> {
  const wanted = partition === undefined ? null : requireCount(partition, '--partition', { least: 0 })
  const services = [...new Set(allTopics.flatMap(({ consumers }) => consumers))].map(String)
  if (service !== undefined && !services.includes(service))
    throw new UsageError(
      `There is no service ${JSON.stringify(service)} that reads topics. There are ${services.join(', ')}.`,
    )
  const read = await groups.read({ service, topic })
  if (read.length === 0) throw new UsageError(`${service ?? 'No service'} reads no topic ${JSON.stringify(topic)}.`)
  const rows = read.filter((row) => wanted === null || row.partition === wanted)
  if (rows.length === 0) throw new UsageError(`There is no partition ${wanted}. \`parma groups ls\` lists them.`)
  return rows
}

function shown({ losses, unnoticed, newest: _, ...row }: GroupRow) {
  const lost = [...losses, ...(unnoticed ? [unnoticed] : [])]
  return {
    ...row,
    lost: lost.map(({ from, to, count }) => `${from} to ${to - 1}${count === null ? ' (unknown)' : ''}`).join(', '),
  }
}
