import { setTimeout as delay } from 'node:timers/promises'
import type { Command } from 'commander'
import { auditCommand } from '#runtime/changes/audit-command.ts'
import { commandActor } from '#runtime/changes/command-actor.ts'
import { findCompany, openCommandPool } from '#runtime/commands/command-database.ts'
import { printResult, UsageError } from '#runtime/commands/commands.ts'
import { confirm, withYes } from '#runtime/commands/confirm.ts'
import { markOf } from '#runtime/erase/recognise.ts'
import { openFirestore } from '#runtime/firestore/firestore.ts'
import { firestoreSettings, readFirestoreAccess } from '#runtime/firestore/settings.ts'
import type { Database } from '#runtime/postgres/database.ts'
import { problemsOf, readEnv } from '#runtime/process/config.ts'
import { createLog } from '#runtime/process/log.ts'
import { kafkaSettings, postgresSettings, producerSettings } from '#runtime/process/settings.ts'
import { formatCount } from '#runtime/text/format.ts'
import { allTopics } from '#schemas/topics.ts'
import { erase } from './erase.ts'
import { putOnList, readList, type Target } from './list.ts'
import type { Found } from './rows.ts'

const shape = { ...postgresSettings, ...kafkaSettings, ...producerSettings, ...firestoreSettings }
const shortestText = 4

/** Services have the list in memory a moment after Kafka has it; a batch that was under way ends in this time. */
const takesEffectMs = 5000

export function build(group: Command): void {
  withYes(group)
    .option('--company <company>', 'erase all about a company: id or name')
    .option('--text <text>', 'take a text, such as the name of a person, out of everything: as it is written')
    .option('--again', 'erase all that was ever erased, after a restore of Postgres or Firestore')
    .option('--reason <reason>', 'why; without the text itself')
    .option('--dry-run', 'print what is where, change nothing')
    .option('--json', 'print JSON')
    .action(forget)
}

type Options = {
  company?: string
  text?: string
  again?: boolean
  reason?: string
  dryRun?: boolean
  yes?: boolean
  json?: boolean
}

async function forget({ dryRun = false, yes, json = false, ...options }: Options): Promise<void> {
  if ([options.company, options.text, options.again].filter((one) => one !== undefined).length !== 1)
    throw new UsageError('Give one of --company, --text and --again.', { exitCode: 2 })
  if (options.text !== undefined && options.text.length < shortestText)
    throw new UsageError(`--text has fewer than ${shortestText} characters: it would be in too many words.`, {
      exitCode: 2,
    })
  const config = readEnv(shape, undefined, (some) => problemsOf(() => readFirestoreAccess(some)))
  await using scope = new AsyncDisposableStack()
  const database = await openCommandPool(config)
  scope.defer(() => database.end())
  const access = readFirestoreAccess(config)
  const firestore = access && openFirestore(access)
  scope.defer(() => firestore?.terminate())
  const log = createLog('parma', 'silent')
  const places = { database, firestore }

  if (options.again) {
    const found: Found[] = []
    for (const { id, ...target } of await readList(config))
      found.push(...(await erase(places, target, { dryRun }, audit(target, { id, again: true }))))
    return report(found, { dryRun, json, isFirestore: firestore !== null })
  }

  const target = await readTarget(database, options)
  const text = options.text ?? null
  const there = await erase(places, target, { text, dryRun: true }, () => Promise.resolve())
  if (dryRun) return report(there, { dryRun, json, isFirestore: firestore !== null })
  const { reason } = options
  if (reason === undefined) throw new UsageError('Give a --reason.', { exitCode: 2 })
  if (text !== null && reason.includes(text)) throw new UsageError('The --reason has the text that is to be erased.')
  const rows = there.reduce((sum, one) => sum + one.rows, 0)
  await confirm(yes, `This erases ${formatCount(rows, 'row')} for good, and what comes later is left out.`)
  const id = await putOnList(config, { log, scope }, target, { actor: commandActor().name, reason })
  await delay(takesEffectMs)
  const found = await erase(places, target, { text, dryRun: false }, audit(target, { id, reason }))
  report(found, { dryRun, json, isFirestore: firestore !== null })
}

async function readTarget(database: Database, { company, text }: Options): Promise<Target> {
  return company === undefined ? { mark: markOf(text ?? '') } : { company: await findCompany(database, company) }
}

/** The row of the audit log has the hash of a text, never the text. */
function audit(target: Target, after: Record<string, unknown>): Parameters<typeof erase>[3] {
  const subject = 'company' in target ? `company:${target.company}` : `text:${target.mark.hash.slice(0, 16)}`
  return (tx, found) => auditCommand(tx, 'cli', { kind: 'cli.forget', subject, before: found, after })
}

type How = { dryRun: boolean; json: boolean; isFirestore: boolean }

function report(found: readonly Found[], { dryRun, json, isFirestore }: How): void {
  const days = (milliseconds: string | undefined) => Number(milliseconds) / 86_400_000
  const kept = allTopics
    .filter(({ config }) => config['cleanup.policy'] === 'delete')
    .map(({ name, config }) => ({ topic: name, days: days(config['retention.ms']) }))
  const lines = found.map(({ where, rows, what }) => `${where}: ${formatCount(rows, 'row')}, ${what}`)
  const text = [
    ...(lines.length > 0 ? lines : ['It is nowhere.']),
    ...(isFirestore ? [] : ['Firestore was not looked at: there is no access to it.']),
    dryRun
      ? 'Nothing was changed.'
      : 'Records that are still in Kafka are left out by every service, and are gone in 30 days.',
    'Exported months of values, backups and messages that were sent are not reached.',
  ]
  printResult({ dry_run: dryRun, found, firestore: isFirestore, topics: kept }, text.join('\n'), json)
}
