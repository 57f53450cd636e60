import { type Command, Option } from 'commander'
import { findCompany, findSource, nameOfCaller, withDatabase } from '#runtime/commands/command-database.ts'
import { printResult, UsageError } from '#runtime/commands/commands.ts'
import { requireFuture } from '#runtime/commands/read-typed.ts'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { formatShortTime } from '#runtime/text/format.ts'
import { changeWithRecord, writePolicy } from './policies.ts'
import { changePolicy, type PolicyWords } from '#runtime/plan/read-policy.ts'
import { requestRun } from './request-run.ts'
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

/** Runs `work` on a source in one transaction. */
function onSource<T>(source: string, work: (tx: Transaction, sourceId: number) => Promise<T>): Promise<T> {
  return withDatabase((database) => database.transaction(async (tx) => work(tx, await findSource(tx, source))))
}

async function set(source: string, { json = false, by, ...words }: PolicyWords & Signed): Promise<void> {
  if (Object.values(words).every((word) => word === undefined))
    throw new UsageError('Nothing to change. `parma schedule set --help` lists the options.')
  const id = await onSource(source, async (tx, id) => {
    await changeWithRecord(tx, id, { by: nameOfCaller(by), what: 'set' }, async (before) => {
      const after = changePolicy(before, words)
      if ('problem' in after) throw new UsageError(after.problem)
      await writePolicy(tx, id, after)
    })
    return id
  })
  printResult({ id }, `The plan of source ${id} is changed. \`parma schedule preview ${id}\` shows its slots.`, json)
}

type Pause = Signed & { until?: string; reason?: string }

async function pause(source: string, { json = false, by, until, reason }: Pause): Promise<void> {
  const end = until === undefined ? null : requireFuture(until, '--until', Date.now())
  const id = await onSource(source, async (tx, id) => {
    await changeWithRecord(tx, id, { by: nameOfCaller(by), what: 'pause' }, async () => {
      await tx.query(sql.unsafe`
        UPDATE scheduler.source_policy SET paused_at = now(), paused_until = to_timestamp(${end}::float8 / 1000), pause_reason = ${reason ?? null}
        WHERE data_source_id = ${id}`)
    })
    return id
  })
  printResult(
    { id, until: iso(end) },
    `Source ${id} is paused${end === null ? '' : ` until ${formatShortTime(end)}`}.`,
    json,
  )
}

async function resume(source: string, { json = false, by }: Signed): Promise<void> {
  const id = await onSource(source, async (tx, id) => {
    await changeWithRecord(tx, id, { by: nameOfCaller(by), what: 'resume' }, async () => {
      await tx.query(sql.unsafe`
        UPDATE scheduler.source_policy SET paused_at = NULL, paused_until = NULL, pause_reason = NULL WHERE data_source_id = ${id}`)
    })
    return id
  })
  printResult({ id }, `Source ${id} runs again from its next slot.`, json)
}

async function run(source: string, { json = false, by, company = [] }: Signed & { company?: string[] }): Promise<void> {
  const task_id = await onSource(source, async (tx, id) => {
    const companies: number[] = []
    for (const one of company) companies.push(await findCompany(tx, one))
    const requested = await requestRun(tx, id, companies.length === 0 ? null : companies)
    if ('refused' in requested) throw new UsageError(`Not started: ${requested.refused}.`)
    const what = `run ${requested.task_id}${companies.length === 0 ? '' : ` of company ${companies.join(', ')}`}`
    await changeWithRecord(tx, id, { by: nameOfCaller(by), what }, async () => undefined)
    return requested.task_id
  })
  printResult({ task_id }, `Task ${task_id} starts with the scheduler's next round.`, json)
}
