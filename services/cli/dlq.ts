import { setTimeout as delay } from 'node:timers/promises'
import type { Command } from 'commander'
import { isTooLarge } from '#runtime/calls/retry.ts'
import { printResult, printRows, UsageError } from '#runtime/commands/commands.ts'
import { confirm } from '#runtime/commands/confirm.ts'
import { requireCount } from '#runtime/commands/read-typed.ts'
import { prefixed } from '#runtime/kafka/client.ts'
import { createLog } from '#runtime/process/log.ts'
import { openProducer, type Producer } from '#runtime/kafka/produce.ts'
import { headerText, type ProducerRecord, sizeOf } from '#runtime/kafka/record.ts'
import { formatCount } from '#runtime/text/format.ts'
import { cut } from '#runtime/text/shorten.ts'
import { createCodec, DecodeError } from '#schemas/codec.ts'
import { createRegistry } from '#schemas/registry.ts'
import { maxRecordBytes, type Topic } from '#schemas/topics.ts'
import { type DeadLetter, type DeadLetterTopic, replayOf } from './dead-letter.ts'
import {
  type DeadLetterConfig,
  type DeadLetterFilter,
  readDeadLetterConfig,
  scanDeadLetters,
} from './dead-letter-scan.ts'
import { addHandled } from './handled-dead-letters.ts'

/** A dead letter that failed again after this many replays is replayed only with --force. */
const maxReplays = 3
const maxShownCharacters = 20_000

type Shared = DeadLetterFilter & { json?: boolean }

export function build(group: Command): void {
  filtered(group.command('ls'))
    .description('count dead letters by service, topic, reason and schema')
    .option('--each', 'list each dead letter with its id')
    .option('--handled', 'include those that were replayed or dropped')
    .action(list)
  group
    .command('show <id>')
    .description('show one dead letter: its headers, and its value as its schema reads it')
    .option('--json', 'print JSON')
    .action(show)
  filtered(group.command('replay'))
    .description('send open dead letters to their service again, each once')
    .option('--all', 'all open dead letters')
    .option('--rate <n>', 'dead letters per second', '50')
    .option('--force', `include those that failed again after ${maxReplays} replays`)
    .option('--dry-run', 'print what would be replayed, change nothing')
    .action(replay)
  filtered(group.command('drop'))
    .description('mark open dead letters as dropped; their records stay on the topic until its retention ends')
    .option('--all', 'all open dead letters')
    .option('--yes', 'drop without asking')
    .option('--dry-run', 'print what would be dropped, change nothing')
    .action(dropDeadLetters)
}

function filtered(command: Command): Command {
  return command
    .option('--topic <name>', 'only those of records of this topic')
    .option('--service <name>', 'only those of this service')
    .option('--reason <reason>', 'only those with this reason')
    .option('--event <id>', 'only those with this event id')
    .option('--id <id>', 'only this one; `parma dlq ls --each` lists the ids')
    .option('--json', 'print JSON')
}

async function list({ each, handled, json = false, ...filter }: Shared & { each?: boolean; handled?: boolean }) {
  const found: (DeadLetter & { state: string })[] = []
  await scanDeadLetters(filter, (_, { deadLetter, state }) => {
    if (state === 'open' || handled) found.push({ ...deadLetter, state })
  })
  if (each) return printRows(found, json, ['first_failed_at'])
  const groups = Map.groupBy(found, (one) => [one.service, one.topic, one.reason, one.schema, one.state].join(' '))
  const rows = [...groups.values()].map((letters) => {
    const times = letters.map(({ first_failed_at }) => first_failed_at).sort()
    const { service, topic, reason, schema, state } = letters[0]!
    return { service, topic, reason, schema, state, letters: letters.length, oldest: times[0], newest: times.at(-1) }
  })
  printRows(rows, json, ['oldest', 'newest'])
}

async function show(id: string, { json = false }: { json?: boolean }): Promise<void> {
  let shown: Record<string, unknown> | null = null
  await scanDeadLetters({ id }, async ({ config }, { of, deadLetter, record, state }) => {
    const headers = Object.fromEntries(Object.keys(record.headers).map((name) => [name, headerText(record, name)]))
    const key = record.key?.toString() ?? null
    shown = { ...deadLetter, state, key, headers, value: await decode(config, of, record.value) }
  })
  if (shown === null)
    throw new UsageError(`There is no dead letter ${JSON.stringify(id)}. \`parma dlq ls --each\` lists them.`)
  printResult(shown, JSON.stringify(shown, null, 2), json)
}

/** The value as its schema reads it, with bytes as text. For a value that cannot be read: why, and its first bytes. */
async function decode(config: DeadLetterConfig, of: DeadLetterTopic, value: Buffer | null): Promise<unknown> {
  const codec = createCodec(createRegistry(config.SCHEMA_REGISTRY_URL), { unknownIdAfterMs: 0 })
  try {
    const decoded = await codec.decode(of.source, value)
    return JSON.parse(
      JSON.stringify(decoded, function (name, plain: unknown) {
        const raw = (this as Record<string, unknown>)[name]
        return Buffer.isBuffer(raw) ? shortened(raw.toString()) : typeof plain === 'string' ? shortened(plain) : plain
      }),
    )
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    return {
      not_readable: error.message,
      bytes: value?.length ?? 0,
      begins_with: value?.subarray(0, 64).toString('hex'),
    }
  }
}

function shortened(text: string): string {
  const shown = cut(text, maxShownCharacters)
  return shown === text ? text : `${shown} (${text.length} characters)`
}

type ReplayOptions = Shared & { all?: boolean; rate: string; force?: boolean; dryRun?: boolean }

async function replay({ all, rate, force = false, dryRun = false, json = false, ...filter }: ReplayOptions) {
  requireChoice(filter, all, 'replay')
  const perSecond = requireCount(rate, '--rate', { most: 10_000 })
  const result = { replayed: 0, died_too_often: 0, too_large: 0 }
  await using scope = new AsyncDisposableStack()
  const config = readDeadLetterConfig()
  const producer = dryRun
    ? null
    : await openProducer(config, { name: 'parma', log: createLog('parma', 'silent'), scope })
  await scanDeadLetters(filter, async ({ database }, { of, deadLetter, record, state }) => {
    if (state !== 'open') return
    if (deadLetter.replays >= maxReplays && !force) {
      result.died_too_often++
      return
    }
    const isSent =
      deadLetter.left_out === null &&
      (await sendIfItFits(producer, replayOf(of, deadLetter, record, prefixed(config, of.source.name)), of.source))
    if (!isSent) {
      result.too_large++
      return
    }
    if (producer) {
      // After the send: a crash in between sends it twice, and the ledger of the service makes that once.
      await addHandled(database, record, deadLetter, 'replayed')
      await delay(1000 / perSecond)
    }
    result.replayed++
    if (!json && process.stderr.isTTY) process.stderr.write(`\r${result.replayed} dead letters`)
  })
  if (!json && process.stderr.isTTY) process.stderr.write('\r')
  const tooOften = ` ${result.died_too_often} failed again after ${maxReplays} replays and are left (--force replays them too).`
  const tooLarge = ` ${result.too_large} ${result.too_large === 1 ? 'is' : 'are'} too large for the topic and left.`
  printResult(
    { ...result, dry_run: dryRun },
    `${formatCount(result.replayed, 'dead letter')} ${dryRun ? 'would be ' : ''}replayed.${result.died_too_often > 0 ? tooOften : ''}${result.too_large > 0 ? tooLarge : ''}`,
    json,
  )
}

/** False: its topic does not take the record. Without a producer nothing is sent. */
async function sendIfItFits(producer: Producer | null, record: ProducerRecord, topic: Topic<unknown>) {
  if (sizeOf(record) > maxRecordBytes(topic)) return false
  try {
    await producer?.send([record])
    return true
  } catch (error) {
    if (isTooLarge(error)) return false
    throw error
  }
}

async function dropDeadLetters({
  all,
  yes,
  dryRun,
  json = false,
  ...filter
}: Shared & { all?: boolean; yes?: boolean; dryRun?: boolean }) {
  requireChoice(filter, all, 'drop')
  if (!dryRun) await confirm(yes, 'Dropped dead letters are never processed. Check with --dry-run.')
  let dropped = 0
  await scanDeadLetters(filter, async ({ database }, { deadLetter, record, state }) => {
    if (state !== 'open') return
    dropped++
    if (!dryRun) await addHandled(database, record, deadLetter, 'dropped')
  })
  printResult(
    { dropped, dry_run: dryRun ?? false },
    `${formatCount(dropped, 'dead letter')} ${dryRun ? 'would be ' : ''}dropped.`,
    json,
  )
}

function requireChoice(filter: DeadLetterFilter, all: boolean | undefined, verb: string): void {
  const isFiltered = Object.values(filter).some((value) => value !== undefined)
  if (isFiltered === Boolean(all))
    throw new UsageError(
      `Select dead letters to ${verb}: give --topic, --service, --reason, --event or --id, or else --all.`,
    )
}
