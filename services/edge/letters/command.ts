import { randomUUID } from 'node:crypto'
import type { Command } from 'commander'
import { commandActor } from '#runtime/changes/command-actor.ts'
import { printResult, printRows, UsageError } from '#runtime/commands/commands.ts'
import { confirm } from '#runtime/commands/confirm.ts'
import { requireCount } from '#runtime/commands/read-typed.ts'
import { openProducer, type Producer } from '#runtime/kafka/produce.ts'
import { openPool } from '#runtime/postgres/database.ts'
import { readEnv } from '#runtime/process/config.ts'
import { createLog } from '#runtime/process/log.ts'
import { kafkaSettings, postgresSettings, producerSettings } from '#runtime/process/settings.ts'
import { formatCount } from '#runtime/text/format.ts'
import { createCodec } from '#schemas/codec.ts'
import { createRegistry } from '#schemas/registry.ts'
import { firstPage } from '../http/cursor.ts'
import { deadLetterTopics } from './dead-letter.ts'
import { decodeLetter, fetchLetter, headersOf } from './decode-letter.ts'
import { isFiltered, type LetterFilter, maxReplays } from './filter.ts'
import { forgetPositions, indexLetters } from './index-letters.ts'
import { countLetters, type Letter, listLetters } from './read-letters.ts'
import { beginReplay, countFits, countTooLarge, dropLetters, readRedrive } from './redrive.ts'
import { workOnReplay } from './run-replay.ts'
import type { LetterTools } from './tools.ts'

type Filter = { topic?: string; service?: string; reason?: string; event?: string; id?: string }
type Shared = Filter & { json?: boolean }

/** Rows of a page of the table. */
const pageSize = 1000

export function build(group: Command): void {
  filtered(group.command('ls'))
    .description('count dead letters by service, topic, reason and schema')
    .option('--each', 'list each dead letter with its id')
    .option('--handled', 'include those that were replayed or dropped')
    .option('--again', 'read the dead letter topics from their beginning')
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
    .option('--why <text>', 'why, for the audit log')
    .option('--dry-run', 'print what would be replayed, change nothing')
    .action(replay)
  filtered(group.command('drop'))
    .description('mark open dead letters as dropped; their records stay on the topic until its retention ends')
    .option('--all', 'all open dead letters')
    .option('--why <text>', 'why, for the audit log')
    .option('--yes', 'drop without asking')
    .option('--dry-run', 'print what would be dropped, change nothing')
    .action(drop)
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

/** Runs `work` on what the topics hold now. */
async function withLetters<T>(
  filter: Filter,
  work: (tools: Omit<LetterTools, 'producer'>, config: Config) => Promise<T>,
  isAgain = false,
) {
  requireExisting(filter)
  const config = readConfig()
  const database = await openPool(config)
  try {
    const codec = createCodec(createRegistry(config.SCHEMA_REGISTRY_URL), { unknownIdAfterMs: 0 })
    const tools = { settings: config, log: createLog('parma', 'silent'), database, codec }
    if (isAgain) await forgetPositions(database)
    while (!(await indexLetters(tools)));
    return await work(tools, config)
  } finally {
    await database.end()
  }
}

const readConfig = () => readEnv({ ...kafkaSettings, ...producerSettings, ...postgresSettings })
type Config = ReturnType<typeof readConfig>

function requireExisting({ topic, service, id }: Filter): void {
  const isThere = deadLetterTopics.some(
    (of) =>
      (topic ?? of.source.name) === of.source.name &&
      (service ?? of.service) === of.service &&
      (id === undefined || id.startsWith(`${of.name}/`)),
  )
  if (isThere) return
  throw new UsageError(
    id
      ? `${JSON.stringify(id)} is not the id of a dead letter. \`parma dlq ls --each\` lists them.`
      : `There are no dead letters of this topic and service. These exist:${deadLetterTopics.map(({ source, service }) => `\n  --topic ${source.name} --service ${service}`).join('')}`,
  )
}

type ListOptions = Shared & { each?: boolean; handled?: boolean; again?: boolean }

async function list({ each, handled, again, json = false, ...filter }: ListOptions): Promise<void> {
  const state = handled ? 'all' : 'open'
  await withLetters(
    filter,
    async ({ database }) => {
      if (!each) return printRows(await countLetters(database, filter, state), json, ['oldest', 'newest'])
      const found: Letter[] = []
      let cursor: string | undefined
      do {
        const { letters, next } = await listLetters(database, firstPage, { filter, state, limit: pageSize, cursor })
        found.push(...letters)
        cursor = next ?? undefined
      } while (cursor !== undefined)
      const rows = found.map(({ letter_no: _, in_work: __, source: ___, written_at: ____, ...letter }) => letter)
      printRows(rows, json, ['first_failed_at', 'handled_at'])
    },
    again,
  )
}

async function show(id: string, { json = false }: { json?: boolean }): Promise<void> {
  const shown = await withLetters({ id }, async (tools) => {
    const [letter] = (await listLetters(tools.database, firstPage, { filter: { id }, state: 'all', limit: 1 })).letters
    const read = letter && (await fetchLetter(tools, letter))
    if (!letter || !read)
      throw new UsageError(`There is no dead letter ${JSON.stringify(id)}. \`parma dlq ls --each\` lists them.`)
    const { record_key: key, ...facts } = letter
    return { ...facts, key, headers: headersOf(read.record), value: await decodeLetter(tools, read) }
  })
  printResult(shown, JSON.stringify(shown, null, 2), json)
}

type Change = Shared & { all?: boolean; why?: string; dryRun?: boolean }

async function replay({
  all,
  rate,
  force = false,
  why,
  dryRun = false,
  json = false,
  ...filter
}: Change & { rate: string; force?: boolean }) {
  requireChoice(filter, all, 'replay')
  const perSecond = requireCount(rate, '--rate', { most: 10_000 })
  const result = await withLetters(filter, (tools, config) =>
    dryRun
      ? count(tools, filter, force)
      : replayNow(tools, config, { filter, force, perSecond, why, isShown: !json && process.stderr.isTTY }),
  )
  const tooOften = ` ${result.died_too_often} failed again after ${maxReplays} replays and are left (--force replays them too).`
  const tooLarge = ` ${result.too_large} ${result.too_large === 1 ? 'is' : 'are'} too large for the topic and left.`
  printResult(
    { ...result, dry_run: dryRun },
    `${formatCount(result.replayed, 'dead letter')} ${dryRun ? 'would be ' : ''}replayed.${result.died_too_often > 0 ? tooOften : ''}${result.too_large > 0 ? tooLarge : ''}`,
    json,
  )
}

async function count({ database }: Pick<LetterTools, 'database'>, filter: LetterFilter, force: boolean) {
  const { letters, left_alone } = await countFits(database, filter, force)
  const too_large = await countTooLarge(database, filter, force)
  return { replayed: letters - too_large, died_too_often: left_alone, too_large }
}

/** Works on it in this process. If that dies, an edge goes on. */
async function replayNow(
  tools: Omit<LetterTools, 'producer'>,
  config: Config,
  {
    filter,
    force,
    perSecond,
    why,
    isShown,
  }: { filter: LetterFilter; force: boolean; perSecond: number; why?: string; isShown: boolean },
) {
  const [id, lease] = [randomUUID(), randomUUID()]
  await using scope = new AsyncDisposableStack()
  const producer: Producer = await openProducer(config, { name: 'parma', log: tools.log, scope })
  const { name: actor } = commandActor()
  await beginReplay(tools.database, { id, filter, actor, reason: why, perSecond, force, lease })
  let sent = 0
  const onProgress = (more: number) => {
    sent += more
    if (isShown) process.stderr.write(`\r${sent} dead letters`)
  }
  while (!(await workOnReplay({ ...tools, producer }, id, lease, { onProgress })));
  if (isShown) process.stderr.write('\r')
  const { done = 0, failed = 0, left_alone = 0 } = (await readRedrive(tools.database, id)) ?? {}
  return { replayed: done, died_too_often: left_alone, too_large: failed }
}

async function drop({ all, yes, why, dryRun = false, json = false, ...filter }: Change & { yes?: boolean }) {
  requireChoice(filter, all, 'drop')
  if (!dryRun) await confirm(yes, 'Dropped dead letters are never processed. Check with --dry-run.')
  const dropped = await withLetters(filter, async ({ database }) => {
    if (dryRun) return (await countFits(database, filter, true)).letters
    return dropLetters(database, { id: randomUUID(), filter, actor: commandActor().name, reason: why })
  })
  printResult(
    { dropped, dry_run: dryRun },
    `${formatCount(dropped, 'dead letter')} ${dryRun ? 'would be ' : ''}dropped.`,
    json,
  )
}

function requireChoice(filter: Filter, all: boolean | undefined, verb: string): void {
  if (isFiltered(filter) === Boolean(all))
    throw new UsageError(
      `Select dead letters to ${verb}: give --topic, --service, --reason, --event or --id, or else --all.`,
    )
}
