import { type Command, Option } from 'commander'
import type { Firestore } from '@google-cloud/firestore'
import { auditCommand } from '#runtime/changes/audit-command.ts'
import { openCommandPool } from '#runtime/commands/command-database.ts'
import { printResult, printRows, UsageError } from '#runtime/commands/commands.ts'
import { confirm, withYes } from '#runtime/commands/confirm.ts'
import { openFirestore } from '#runtime/firestore/firestore.ts'
import { readFirestoreAccess } from '#runtime/firestore/settings.ts'
import type { Database } from '#runtime/postgres/database.ts'
import { problemsOf, readEnv } from '#runtime/process/config.ts'
import { formatCount } from '#runtime/text/format.ts'
import { retentionClasses } from '#schemas/retention-classes.ts'
import { deleteOldDocuments } from './old-documents.ts'
import { retireMonth } from './old-months.ts'
import { deleteOld, hasAge } from './old-rows.ts'
import { daysOf, type Due, findDue, tablesOf } from './plan.ts'
import { shape } from './settings.ts'

export function build(group: Command): void {
  group
    .command('ls')
    .description('list what is kept for how long, by which setting, and who deletes it')
    .option('--json', 'print JSON')
    .action(list)
  withYes(group.command('run').description('delete what is older than its days; months of values are exported first'))
    .addOption(
      new Option('--class <class>', 'only this class; may be repeated')
        .choices(retentionClasses.filter(({ prunedBy }) => prunedBy === 'command').map(({ name }) => name))
        .argParser((name: string, all: string[] | undefined) => [...(all ?? []), name]),
    )
    .option('--export <folder>', 'where months of values are written before they go (NDJSON, gzip)')
    .option('--dry-run', 'print what would go, change nothing')
    .option('--json', 'print JSON')
    .action(run)
}

function list({ json = false }: { json?: boolean }): void {
  const config = readRetention()
  const rows = retentionClasses.map((one) => ({
    class: one.name,
    holds: one.holds,
    days: daysOf(one, config),
    setting: one.setting,
    pruned_by: one.prunedBy,
    tables: tablesOf(one.name).map(({ name }) => name),
    note: one.note,
  }))
  if (json) return printRows(rows, true)
  printRows(
    rows.map(({ tables: _, days, pruned_by, setting, ...row }) => ({
      class: row.class,
      days: pruned_by === 'services' ? (days ?? 'up to 31') : (days ?? 'for ever'),
      setting: setting ?? '',
      holds: row.holds,
      note: row.note,
    })),
    false,
  )
}

type Options = { class?: string[]; export?: string; dryRun?: boolean; yes?: boolean; json?: boolean }
type Done = { class: string; deleted: Record<string, number>; files: string[] }

async function run({ class: only = [], export: folder, dryRun = false, yes, json = false }: Options): Promise<void> {
  const config = readRetention()
  const access = readFirestoreAccess(config)
  await using scope = new AsyncDisposableStack()
  const database = await openCommandPool(config)
  scope.defer(() => database.end())
  let firestore: Firestore | undefined
  const open = () => {
    if (access === null) throw new UsageError('There is no access to Firestore: set FIREBASE_ADMINSDK_CERTIFICATE.')
    if (!firestore) scope.defer(() => firestore?.terminate())
    return (firestore ??= openFirestore(access))
  }
  const due = await findDue(database, open, config, only)
  if (dryRun) return print(due, json)
  if (due.length === 0)
    throw new UsageError(
      'No class has a number of days: everything is kept for ever. `parma retention ls` lists the settings.',
    )
  const lines = due.flatMap(describe)
  if (lines.length === 0) return printResult([], 'Nothing is older than its days.', json)
  const leaving = due.flatMap(({ months }) => months).filter(({ keptBecause }) => keptBecause === null)
  if (leaving.length > 0 && folder === undefined)
    throw new UsageError(
      `Months of values go (${leaving.map(({ month }) => month).join(', ')}): give --export, where they are written first.`,
    )
  await confirm(yes, `This deletes ${lines.join(', ')}.`)
  const done: Done[] = []
  for (const one of due) done.push(await prune(database, open, one, folder))
  const said = done.flatMap(({ deleted }) => Object.entries(deleted).map(([name, rows]) => `${rows} of ${name}`))
  printResult(done, `Deleted: ${said.join(', ') || 'nothing'}.`, json)
}

/** Deletes one class. What it did stands in the audit log, also when it ends with an error. */
async function prune(database: Database, open: () => Firestore, due: Due, folder: string | undefined): Promise<Done> {
  const done: Done = { class: due.class, deleted: {}, files: [] }
  const count = (name: string, rows: number) => {
    if (rows > 0) done.deleted[name] = (done.deleted[name] ?? 0) + rows
  }
  try {
    for (const table of tablesOf(due.class).filter(hasAge))
      count(table.name, await deleteOld(database, table, due.cutoff))
    if (due.old['raw documents'] !== undefined)
      count('raw documents', await deleteOldDocuments(open(), new Date(due.cutoff)))
    for (const month of due.months.filter(({ keptBecause }) => keptBecause === null)) {
      const { file, rows } = await retireMonth(database, month, folder!)
      count('normalizer.value', rows)
      done.files.push(file)
    }
    return done
  } finally {
    const { days, cutoff } = due
    await database.transaction((tx) =>
      auditCommand(tx, 'cli', {
        ...{ kind: 'cli.retention.run', subject: `class:${due.class}` },
        after: Object.keys(done.deleted).length > 0 ? { days, cutoff, ...done } : null,
      }),
    )
  }
}

function print(due: readonly Due[], json: boolean): void {
  if (json) return printRows(due, true)
  const lines = due.flatMap((one) => {
    const kept = one.months.filter(({ keptBecause }) => keptBecause !== null)
    return [...describe(one), ...kept.map(({ month, keptBecause }) => `not the values of ${month}: it ${keptBecause}`)]
  })
  console.log(lines.join('\n') || 'Nothing is older than its days.')
}

function describe({ class: name, old, months }: Due): string[] {
  const leaving = months.filter(({ keptBecause }) => keptBecause === null)
  return [
    ...Object.entries(old).map(([table, rows]) => `${formatCount(rows, 'row')} of ${table} (${name})`),
    ...leaving.map(({ month, rows }) => `${formatCount(rows, 'value')} of ${month}`),
  ]
}

/** `LEDGER_DAYS` and all RETENTION_…_DAYS are at least the days in which a record may come again. */
function readRetention() {
  return readEnv(shape, undefined, (some) => problemsOf(() => readFirestoreAccess(some)))
}
