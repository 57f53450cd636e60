import type { Command } from 'commander'
import { setTimeout as delay } from 'node:timers/promises'
import { findCompany, findSource, withDatabase } from '#runtime/commands/command-database.ts'
import { printResult, UsageError } from '#runtime/commands/commands.ts'
import { collect, requireCount, requireTime } from '#runtime/commands/read-typed.ts'
import type { Database } from '#runtime/postgres/database.ts'
import { formatCount, isoDay } from '#runtime/text/format.ts'
import { selectionOf } from '../replay/appliers.ts'
import { countEvents } from '../replay/find-events.ts'
import { describeReplay, readReplay } from './list-replays.ts'
import { makeChange } from '../replay/appliers.ts'

type Options = {
  source: string
  company?: string[]
  from?: string
  to?: string
  mode: string
  map: string
  rate?: string
  reason?: string
  dryRun?: boolean
  wait?: boolean
  json?: boolean
}

const modes = ['compare', 'fill', 'replace'] as const

export function build(command: Command): void {
  command
    .requiredOption('--source <source>', 'the data source: id or name')
    .option('--company <company>', 'only payloads of this company: id or name; may be repeated', collect)
    .option('--from <time>', 'only payloads observed from then on (ISO 8601)')
    .option('--to <time>', 'only payloads observed before then')
    .option('--mode <mode>', 'compare, fill or replace', 'compare')
    .option('--map <version>', 'then: the version of its time; now: the newest; or a number', 'now')
    .option('--rate <n>', 'at most so many payloads per second')
    .option('--reason <text>', 'why, for lineage and the audit log')
    .option('--dry-run', 'say how many payloads would be read, begin nothing')
    .option('--wait', 'wait until it has ended, and print what it found')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
The normalizer reads the exact bytes of raw documents again. compare says what would change. fill stores what is missing.
replace also puts what is read in the place of what is stored, and keeps what was there. Nobody is notified:
\`parma rejudge --dry-run\` says what would have been told. \`parma replays\` shows how far it is, and stops it.`,
    )
    .action(run)
}

async function run(options: Options): Promise<void> {
  const { json = false, dryRun = false, wait = false } = options
  const asked = readAsked(options)
  await withDatabase(async (database) => {
    const source = await findSource(database, options.source)
    const companies = await Promise.all((options.company ?? []).map((one) => findCompany(database, one)))
    const payload = { ...asked, source, ...(companies.length > 0 && { companies }) }
    if (dryRun) return printCounts(database, payload, json)
    const { message, id } = await makeChange(database, 'normalizer.replay.start', payload)
    if (!wait) return printResult({ replay: id, message }, message, json)
    const replay = await waitForEnd(database, id!)
    printResult(replay, describeReplay(replay), json)
    if (replay.state !== 'done') process.exitCode = 1
  })
}

function readAsked({ from, to, mode, map, rate, reason }: Options) {
  const known = modes.find((one) => one === mode)
  if (!known) throw new UsageError(`--mode is ${JSON.stringify(mode)}: give compare, fill or replace.`, { exitCode: 2 })
  return {
    mode: known,
    map: map === 'then' || map === 'now' ? (map as 'then' | 'now') : requireCount(map, '--map'),
    ...(from !== undefined && { from: isoOf(requireTime(from, '--from')) }),
    ...(to !== undefined && { to: isoOf(requireTime(to, '--to')) }),
    ...(rate !== undefined && { rate: requireCount(rate, '--rate', { most: 10_000 }) }),
    ...(reason !== undefined && { reason }),
  }
}

const isoOf = (time: string) => new Date(time).toISOString()

async function printCounts(database: Database, asked: Parameters<typeof selectionOf>[0], json: boolean): Promise<void> {
  const { payloads, companies, first, last } = await countEvents(database, selectionOf(asked))
  const period = first === null || last === null ? '' : `, ${isoDay(first)} to ${isoDay(last)}`
  printResult(
    { payloads, companies, first, last },
    `${formatCount(payloads, 'payload')} of ${companies === 1 ? 'one company' : `${companies} companies`}${period}.`,
    json,
  )
}

async function waitForEnd(database: Database, replayNo: number) {
  for (;;) {
    const replay = await readReplay(database, replayNo)
    if (replay.finished_at !== null) return replay
    if (process.stderr.isTTY) process.stderr.write(`\r${replay.done} of ${replay.total} payloads `)
    await delay(300)
  }
}
