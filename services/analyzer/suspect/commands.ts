import type { Command } from 'commander'
import { auditCommand } from '#runtime/changes/audit-command.ts'
import { nameOfCaller, withDatabase } from '#runtime/commands/command-database.ts'
import { printResult, printRows, UsageError } from '#runtime/commands/commands.ts'
import { confirm, withYes } from '#runtime/commands/confirm.ts'
import type { Database } from '#runtime/postgres/database.ts'
import { nameRun } from './describe.ts'
import {
  alreadyDecided,
  countEffect,
  decideHeldRun,
  describeEffect,
  type HeldRun,
  listHeldNews,
  listHeldRuns,
  readHeldRun,
} from './held-runs.ts'

type Options = { json?: boolean; all?: boolean; dryRun?: boolean; yes?: boolean; by?: string }

export function build(group: Command): void {
  group
    .command('ls')
    .description('list the runs that are held, the newest first')
    .option('--all', 'also those that were released or dropped')
    .option('--json', 'print JSON')
    .action(list)
  group
    .command('show')
    .description('show a run with its news items')
    .argument('<run>', 'number of the run')
    .option('--json', 'print JSON')
    .action(show)
  withDecision(
    group.command('release').description('the source was right: the news items go out, the values count'),
  ).action((run: string, options: Options) => decide(run, 'released', options))
  withYes(
    withDecision(
      group
        .command('drop')
        .description(
          'the source was wrong: what looks wrong is no news, and later values are compared with those before',
        ),
    ),
  ).action((run: string, options: Options) => decide(run, 'dropped', options))
}

function withDecision(command: Command): Command {
  return command
    .argument('<run>', 'number of the run')
    .option('--by <who>', 'who decides (default: you)')
    .option('--dry-run', 'say what would happen, change nothing')
    .option('--json', 'print JSON')
}

async function list({ all = false, json = false }: Options): Promise<void> {
  printRows(await withDatabase((database) => listHeldRuns(database, all)), json, ['suspected_at', 'decided_at'])
}

async function show(run: string, { json = false }: Options): Promise<void> {
  const { held, news } = await withDatabase(async (database) => {
    const held = await requireRun(database, run)
    return { held, news: await listHeldNews(database, held.run_no) }
  })
  if (json) return printResult({ ...held, news }, '', true)
  printResult(held, `${describe(held)}\nIt is ${held.state === 'suspect' ? 'held' : held.state}.`, false)
  printRows(news, false)
}

async function decide(text: string, state: 'released' | 'dropped', options: Options): Promise<void> {
  const { dryRun = false, json = false, yes } = options
  await withDatabase(async (database) => {
    const run = await requireRun(database, text)
    requireUndecided(run)
    const effect = describeEffect(run, state)
    const result = { run_no: run.run_no, state, ...countEffect(run, state) }
    if (dryRun) return printResult({ ...result, dry_run: true }, `Would have this effect: ${effect}`, json)
    if (state === 'dropped') await confirm(yes, `${describe(run)} ${effect}`)
    const by = nameOfCaller(options.by)
    const isOurs = await database.transaction(async (tx) => {
      const isDecided = await decideHeldRun(tx, run.run_no, state, by)
      const did = { kind: 'analyzer.held_run.decide', subject: `run:${run.run_no}`, by }
      if (isDecided) await auditCommand(tx, 'analyzer', { ...did, before: 'suspect', after: state })
      return isDecided
    })
    if (!isOurs) requireUndecided(await requireRun(database, text))
    printResult(result, `Run ${run.run_no} is ${state}: ${effect}`, json)
  })
}

async function requireRun(database: Database, text: string): Promise<HeldRun> {
  const runNo = /^\d{1,15}$/.test(text) ? Number(text) : null
  const run = runNo === null ? null : await readHeldRun(database, runNo)
  if (!run) throw new UsageError(`No run ${JSON.stringify(text)} was held. \`parma suspect ls --all\` lists all.`)
  return run
}

function requireUndecided(run: HeldRun): void {
  const problem = alreadyDecided(run)
  if (problem !== null) throw new UsageError(problem)
}

function describe(run: HeldRun): string {
  return `Run ${run.run_no}, ${nameRun(run)}: ${run.message}.`
}
