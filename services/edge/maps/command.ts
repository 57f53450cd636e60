import type { Command } from 'commander'
import { findSource, withDatabase } from '#runtime/commands/command-database.ts'
import { printResult, printRows, printText, UsageError } from '#runtime/commands/commands.ts'
import { readInput } from '#runtime/commands/read-input.ts'
import { requireCount } from '#runtime/commands/read-typed.ts'
import { InitializeError } from '#runtime/module/read-initialize.ts'
import { readMapText } from '#runtime/module/read-map-text.ts'
import type { Database } from '#runtime/postgres/database.ts'
import { addChanges, addDecisions } from './change-command.ts'
import { compareMaps } from './compare-maps.ts'
import { describeChange, describeOrigin } from './describe-maps.ts'
import { addPublish } from './publish-command.ts'
import { readWaiting, type WaitingMap } from './waiting.ts'
import { listMaps, type MapContent, readMapContent } from './read-maps.ts'

type Output = { json?: boolean }

export function build(group: Command): void {
  group
    .command('ls')
    .description('list the versions of a source’s map, with who brought each and when')
    .requiredOption('--source <source>', 'id or name of a data source')
    .option('--json', 'print JSON')
    .action(list)
  group
    .command('show')
    .description('print a version of a map as JSON; without a version, the one in force')
    .argument('[version]', 'its number')
    .requiredOption('--source <source>', 'id or name of a data source')
    .option('--json', 'print who brought it and when, too')
    .action(show)
  group
    .command('diff')
    .description('show how a map differs from the one in force, or from the version --from')
    .argument(
      '<map>',
      'number of a version, “waiting” for the one that waits for a yes, or a file with a map; - for stdin',
    )
    .requiredOption('--source <source>', 'id or name of a data source')
    .option('--from <version>', 'compare with this version')
    .option('--json', 'print JSON')
    .action(diff)
  addChanges(group)
  addDecisions(group)
  addPublish(group)
}

const iso = (at: number | null) => (at === null ? null : new Date(at).toISOString())

async function list({ source, json = false }: Output & { source: string }): Promise<void> {
  const { maps, waiting } = await withDatabase(async (database) => {
    const id = await findSource(database, source)
    return { maps: await listMaps(database, id), waiting: await readWaiting(database, id) }
  })
  const rows = maps.map(({ version, state, actor, reason, received_at, published_at, ...how }) => ({
    ...{ version, state, how: describeOrigin(how), by: actor, at: iso(received_at), in_force_since: iso(published_at) },
    reason,
  }))
  printRows(rows, json, ['at', 'in_force_since'])
  if (waiting && !json)
    console.error(`A map of ${source} waits for a yes: \`parma maps diff waiting --source ${source}\` shows it.`)
}

async function show(version: string | undefined, { source, json = false }: Output & { source: string }): Promise<void> {
  const asked = version === undefined ? null : requireCount(version, 'The version')
  const found = await withDatabase(async (database) => requireMap(database, source, asked))
  const { content, content_hash, received_at, published_at, ...rest } = found
  const map = JSON.parse(content) as object
  if (!json) return printText(JSON.stringify(map, null, 2))
  const times = { received_at: iso(received_at), published_at: iso(published_at) }
  printResult({ ...rest, ...times, content_hash, map }, '', true)
}

async function requireMap(database: Database, source: string, version: number | null): Promise<MapContent> {
  const found = await readMapContent(database, await findSource(database, source), version)
  if (found) return found
  throw new UsageError(
    version === null
      ? `${source} has no map in force. Its module brings one in a handshake.`
      : `${source} has no version ${version} of its map. \`parma maps ls --source ${source}\` lists them.`,
  )
}

async function requireWaiting(database: Database, source: string): Promise<WaitingMap> {
  const found = await readWaiting(database, await findSource(database, source))
  if (found) return found
  throw new UsageError(`No map of ${source} waits for a yes.`)
}

type DiffOptions = Output & { source: string; from?: string }

async function diff(map: string, { source, from, json = false }: DiffOptions): Promise<void> {
  const base = from === undefined ? null : requireCount(from, '--from')
  const isStored = map === 'waiting' || /^\d+$/.test(map)
  const given = isStored ? null : readGiven(await readInput(map), map)
  const { before, after } = await withDatabase(async (database) => ({
    before: await requireMap(database, source, base),
    after:
      given ??
      (map === 'waiting' ? await requireWaiting(database, source) : await requireMap(database, source, Number(map)))
        .content,
  }))
  const changes = compareMaps(before.content, after)
  const head = `Compared with version ${before.version} of the map of ${source}:`
  const lines = changes.length === 0 ? ['no entry differs'] : changes.map(describeChange)
  printResult({ from: before.version, changes }, [head, ...lines].join('\n'), json)
}

function readGiven(text: string, file: string): string {
  try {
    return readMapText(text).content
  } catch (error) {
    if (error instanceof InitializeError) throw new UsageError(`${file} has no map: ${error.message}.`)
    throw error
  }
}
