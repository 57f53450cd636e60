import { setTimeout as delay } from 'node:timers/promises'
import type { Command } from 'commander'
import { printResult, printRows, UsageError } from '#runtime/commands/commands.ts'
import { kafkaSettings, postgresSettings, producerSettings, readEnv } from '#runtime/process/config.ts'
import { prefixed } from '#runtime/kafka/client.ts'
import { createLog } from '#runtime/process/log.ts'
import { type Database, openPool } from '#runtime/postgres/database.ts'
import { openProducer } from '#runtime/kafka/produce.ts'
import { readTopics } from '#runtime/kafka/read-topics.ts'
import { type FetchedRecord, headerText } from '#runtime/kafka/record.ts'
import { cut } from '#runtime/text/shorten.ts'
import { createCodec, DecodeError } from '#schemas/codec.ts'
import { createRegistry } from '#schemas/registry.ts'
import { type DeadLetter, type DeadLetterTopic, deadLetterTopics, readDeadLetter, replayOf } from './dead-letter.ts'
import { type Action, addHandled, keyOf, readHandled } from './handled-dead-letters.ts'

/** A dead letter that failed again after this many replays is replayed only with --force. */
const maxReplays = 3
const maxShownCharacters = 20_000

const settings = { ...kafkaSettings, ...producerSettings, ...postgresSettings }
type Config = ReturnType<typeof readConfig>
const readConfig = () => readEnv(settings)

type Filter = { topic?: string; service?: string; reason?: string; event?: string; id?: string }
type Shared = Filter & { json?: boolean }
type Found = { of: DeadLetterTopic; deadLetter: DeadLetter; record: FetchedRecord; state: 'open' | Action }

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
    .option('--yes', 'confirm')
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
  await withDeadLetters(filter, (_, { deadLetter, state }) => {
    if (state === 'open' || handled) found.push({ ...deadLetter, state })
  })
  if (each) return printRows(found, json)
  const groups = Map.groupBy(found, (one) => [one.service, one.topic, one.reason, one.schema, one.state].join(' '))
  const rows = [...groups.values()].map((letters) => {
    const times = letters.map(({ first_failed_at }) => first_failed_at).sort()
    const { service, topic, reason, schema, state } = letters[0]!
    return { service, topic, reason, schema, state, letters: letters.length, oldest: times[0], newest: times.at(-1) }
  })
  printRows(rows, json)
}

async function show(id: string, { json = false }: { json?: boolean }): Promise<void> {
  let shown: Record<string, unknown> | null = null
  await withDeadLetters({ id }, async ({ config }, { of, deadLetter, record, state }) => {
    const headers = Object.fromEntries(Object.keys(record.headers).map((name) => [name, headerText(record, name)]))
    const key = record.key?.toString() ?? null
    shown = { ...deadLetter, state, key, headers, value: await decode(config, of, record.value) }
  })
  if (shown === null)
    throw new UsageError(`There is no dead letter ${JSON.stringify(id)}. \`parma dlq ls --each\` lists them.`)
  printResult(shown, JSON.stringify(shown, null, 2), json)
}

/** The value as its schema reads it, with bytes as text. For a value that cannot be read: why, and its first bytes. */
async function decode(config: Config, of: DeadLetterTopic, value: Buffer | null): Promise<unknown> {
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
  const perSecond = Number(rate)
  if (!(perSecond >= 1 && perSecond <= 10_000)) throw new UsageError('--rate must be a number from 1 to 10000.')
  const result = { replayed: 0, died_too_often: 0 }
  await using scope = new AsyncDisposableStack()
  const config = readConfig()
  const producer = dryRun
    ? null
    : await openProducer(config, { name: 'parma', log: createLog('parma', 'silent'), scope })
  await withDeadLetters(filter, async ({ database }, { of, deadLetter, record, state }) => {
    if (state !== 'open') return
    if (deadLetter.replays >= maxReplays && !force) return void result.died_too_often++
    if (producer) {
      await producer.send([replayOf(of, deadLetter, record, prefixed(config, of.source.name))])
      // After the send: a crash in between sends it twice, and the ledger of the service makes that once.
      await addHandled(database, record, deadLetter, 'replayed')
      await delay(1000 / perSecond)
    }
    result.replayed++
    if (!json && process.stderr.isTTY) process.stderr.write(`\r${result.replayed} dead letters`)
  })
  if (!json && process.stderr.isTTY) process.stderr.write('\r')
  const tooOften = ` ${result.died_too_often} failed again after ${maxReplays} replays and are left (--force replays them too).`
  printResult(
    { ...result, dry_run: dryRun },
    `${result.replayed} dead letters ${dryRun ? 'would be ' : ''}replayed.${result.died_too_often > 0 ? tooOften : ''}`,
    json,
  )
}

async function dropDeadLetters({
  all,
  yes,
  dryRun,
  json = false,
  ...filter
}: Shared & { all?: boolean; yes?: boolean; dryRun?: boolean }) {
  requireChoice(filter, all, 'drop')
  if (!yes && !dryRun)
    throw new UsageError('Dropped dead letters are never processed. Check with --dry-run, then confirm with --yes.')
  let dropped = 0
  await withDeadLetters(filter, async ({ database }, { deadLetter, record, state }) => {
    if (state !== 'open') return
    dropped++
    if (!dryRun) await addHandled(database, record, deadLetter, 'dropped')
  })
  printResult(
    { dropped, dry_run: dryRun ?? false },
    `${dropped} dead letters ${dryRun ? 'would be ' : ''}dropped.`,
    json,
  )
}

function requireChoice(filter: Filter, all: boolean | undefined, verb: string): void {
  const isFiltered = Object.values(filter).some((value) => value !== undefined)
  if (isFiltered === Boolean(all))
    throw new UsageError(
      `Select dead letters to ${verb}: give --topic, --service, --reason, --event or --id, or else --all.`,
    )
}

/** Reads the dead letter topics once and calls `onDeadLetter` for each record that passes the filter. */
async function withDeadLetters(
  filter: Filter,
  onDeadLetter: (tools: { config: Config; database: Database }, found: Found) => void | Promise<void>,
): Promise<void> {
  const wanted = deadLetterTopics.filter(
    (of) =>
      (filter.topic ?? of.source.name) === of.source.name &&
      (filter.service ?? of.service) === of.service &&
      (filter.id === undefined || filter.id.startsWith(`${of.name}/`)),
  )
  if (wanted.length === 0)
    throw new UsageError(
      filter.id
        ? `${JSON.stringify(filter.id)} is not the id of a dead letter. \`parma dlq ls --each\` lists them.`
        : `There are no dead letters of this topic and service. These exist:${deadLetterTopics.map(({ source, service }) => `\n  --topic ${source.name} --service ${service}`).join('')}`,
    )
  const config = readConfig()
  const database = await openPool(config)
  try {
    const handled = await readHandled(database)
    const byName = new Map(wanted.map((of) => [prefixed(config, of.name), of]))
    await readTopics(config, createLog('parma', 'silent'), [...byName.keys()], async (record) => {
      const of = byName.get(record.topic)!
      const deadLetter = readDeadLetter(of, record)
      if ((filter.reason ?? deadLetter.reason) !== deadLetter.reason) return
      if (filter.event !== undefined && filter.event !== deadLetter.event_id) return
      if ((filter.id ?? deadLetter.id) !== deadLetter.id) return
      await onDeadLetter({ config, database }, { of, deadLetter, record, state: handled.get(keyOf(record)) ?? 'open' })
    })
  } finally {
    await database.end()
  }
}
