import { type Command, Option } from 'commander'
import { findCompany, findSource, nameOfCaller, withDatabase } from '#runtime/commands/command-database.ts'
import { printResult, UsageError } from '#runtime/commands/commands.ts'
import { requireFuture } from '#runtime/commands/read-typed.ts'
import { type Applied, applyNow } from '#runtime/changes/apply-changes.ts'
import type { KindOf, PayloadInput } from '#runtime/changes/kinds.ts'
import type { Database } from '#runtime/postgres/database.ts'
import { formatShortTime } from '#runtime/text/format.ts'
import { appliers } from './appliers.ts'
import type { PolicyWords } from '#runtime/plan/read-policy.ts'
import { iso, listChanges, listSlots, listSources } from './schedule-lists.ts'

type Output = { json?: boolean }
type Signed = Output & { by?: string }

export function build(group: Command): void {
  group
    .command('ls')
    .description('list sources with their plan, next slot, last run and health')
    .option('--json', 'print JSON')
    .action(listSources)
  buildSet(group.command('set').argument('<source>', 'id or name'))
  const pauseCommand = group
    .command('pause')
    .description('start no further runs of a source; a run that has started goes on')
    .argument('<source>', 'id or name')
    .option('--until <when>', 'end of the pause: an ISO 8601 time, or a time from now such as 90m, 12h or 7d')
    .option('--reason <text>', 'why, for other operators')
  signed(pauseCommand).action(pause)
  signed(group.command('resume').description('end the pause of a source').argument('<source>', 'id or name')).action(
    resume,
  )
  const runCommand = group
    .command('run')
    .description('run a source now, in addition to its plan; fails while the source is running')
    .argument('<source>', 'id or name')
    .option(
      '--company <company>',
      'only this company, by id or name; may be given several times',
      (text, all: string[]) => [...all, text],
      [],
    )
  signed(runCommand).action(run)
  group
    .command('preview')
    .description('list the coming slots, provided that nothing changes')
    .argument('[source]', 'id or name; without it, all sources')
    .option('--days <days>', 'days to look ahead', '30')
    .option('--json', 'print JSON')
    .action(listSlots)
  group
    .command('history')
    .description('list who changed the plan, newest first')
    .argument('<source>', 'id or name')
    .option('--json', 'print JSON')
    .action(listChanges)
}

function buildSet(command: Command): void {
  command
    .description('change when a source runs; options that are not given keep their value')
    .option(
      '--cron <pattern>',
      'minute, hour, day of month, month and day of week, instead of its frequency; "none" returns to the frequency',
    )
    .option('--zone <zone>', 'time zone of the pattern and the window, such as Europe/Berlin; at first UTC')
    .option(
      '--window <from-to>',
      'part of the day in which it may run, such as 08:00-18:00; other slots run when it opens; "none" removes it',
    )
    .option('--jitter <seconds>', 'spread planned runs over this time after their slot; at first 0')
    .addOption(
      new Option('--catch-up <which>', 'which slots run after an outage; at first latest').choices([
        'latest',
        'all',
        'none',
      ]),
    )
    .option('--attempts <count>', 'attempts at a task; "default" returns to MAX_ATTEMPTS')
    .option(
      '--backoff <seconds>',
      'wait before the second attempt, doubled before each further one; "default" returns to RETRY_BACKOFF_SECONDS',
    )
    .option('--overlap', 'a run may start while another one is running')
    .option('--no-overlap', 'a run waits until no other one is running')
  signed(command).action(set)
}

/** Adds the options of a command that changes something. */
function signed(command: Command): Command {
  return command
    .option('--by <name>', 'your name, for the history; without it, the user of this machine')
    .option('--json', 'print JSON')
}

/** Makes a change of a source as pages and the API do, in the name of whoever runs the command. */
function change<K extends KindOf<'scheduler'>>(
  source: string,
  kind: K,
  by: string | undefined,
  payloadOf: (database: Database, id: number) => PayloadInput<K> | Promise<PayloadInput<K>>,
  reason?: string,
): Promise<{ id: number; applied: Applied }> {
  return withDatabase(async (database) => {
    const id = await findSource(database, source)
    const actor = { name: `cli:${nameOfCaller(by)}`, role: 'admin' as const }
    const payload = await payloadOf(database, id)
    const asked = { kind, payload, actor, at: Date.now(), reason: reason ?? null }
    return { id, applied: await applyNow(database, 'scheduler', appliers, asked) }
  })
}

async function set(source: string, { json = false, by, catchUp, ...words }: PolicyWords & Signed): Promise<void> {
  const given = { ...words, ...(catchUp !== undefined && { catch_up: catchUp }) }
  if (Object.values(given).every((word) => word === undefined))
    throw new UsageError('Nothing to change. `parma schedule set --help` lists the options.')
  const { id } = await change(source, 'scheduler.plan.set', by, (_, id) => ({ source: id, ...given }))
  printResult({ id }, `The plan of source ${id} is changed. \`parma schedule preview ${id}\` shows its slots.`, json)
}

type Pause = Signed & { until?: string; reason?: string }

async function pause(source: string, { json = false, by, until, reason }: Pause): Promise<void> {
  const end = until === undefined ? null : requireFuture(until, '--until', Date.now())
  const payload = { ...(end !== null && { until: end }), ...(reason !== undefined && { why: reason }) }
  const { id } = await change(source, 'scheduler.pause', by, (_, id) => ({ source: id, ...payload }), reason)
  printResult(
    { id, until: iso(end) },
    `Source ${id} is paused${end === null ? '' : ` until ${formatShortTime(end)}`}.`,
    json,
  )
}

async function resume(source: string, { json = false, by }: Signed): Promise<void> {
  const { id } = await change(source, 'scheduler.resume', by, (_, id) => ({ source: id }))
  printResult({ id }, `Source ${id} runs again from its next slot.`, json)
}

async function run(source: string, { json = false, by, company = [] }: Signed & { company?: string[] }): Promise<void> {
  const { applied } = await change(source, 'scheduler.run', by, async (database, id) => {
    const companies: number[] = []
    for (const one of company) companies.push(await findCompany(database, one))
    return { source: id, ...(companies.length > 0 && { companies }) }
  })
  printResult({ task_id: applied.id }, applied.message, json)
}
