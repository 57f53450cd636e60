import type { Command } from 'commander'
import { findCompany, findSource, withDatabase } from '#runtime/commands/command-database.ts'
import { printResult, UsageError } from '#runtime/commands/commands.ts'
import { readInput } from '#runtime/commands/read-input.ts'
import { requireCount } from '#runtime/commands/read-typed.ts'
import { openFirestore } from '#runtime/firestore/firestore.ts'
import { firestoreSettings, readFirestoreAccess } from '#runtime/firestore/settings.ts'
import { InitializeError } from '#runtime/module/read-initialize.ts'
import { readMapText } from '#runtime/module/read-map-text.ts'
import { readEnv } from '#runtime/process/config.ts'
import type { Database } from '#runtime/postgres/database.ts'
import type { RawPayload } from '#schemas/generated/types.ts'
import { trialSettings } from '../config.ts'
import { readBodies } from '../trial/read-bodies.ts'
import { payloadOf } from '../trial/try-file.ts'
import { describeMapTrial } from './describe-map.ts'
import { readDocuments } from './read-documents.ts'
import { runTrial } from './run-trial.ts'
import { findLastDocuments, type MapSource, readMapSource, readVersion, readWaiting } from './try-map.ts'

type Options = {
  source: string
  version?: string
  waiting?: boolean
  last: string
  payloads?: string
  company?: string
  limit: string
  news: boolean
  json?: boolean
}

/** Of one dry run. */
const mostDocuments = 1000

export function build(group: Command): void {
  group
    .command('try')
    .description('show what a changed map would make of stored documents, compared with the map in force')
    .argument('[file]', 'a map or a module’s answer to /initialize (JSON); - for stdin')
    .requiredOption('--source <source>', 'id or name of a data source')
    .option('--version <n>', 'try a stored version instead of a file')
    .option('--waiting', 'try the map that waits for a yes instead of a file')
    .option('--last <n>', `try it on the last n stored documents of the source, at most ${mostDocuments}`, '100')
    .option('--payloads <file>', 'try it on the payloads of a file instead: one, a JSON array or NDJSON')
    .option('--company <company>', 'whose the payloads of the file are, where they do not say it: id or name')
    .option('--no-news', 'leave out which news items it would and would not make')
    .option('--limit <n>', 'print at most this many lines of each section', '40')
    .option('--json', 'print JSON, with everything')
    .addHelpText(
      'after',
      `
Understands the documents by both maps as if they were sent again now, one after the other, and prints at which paths
values are added, removed, changed, refused or null, with samples, and the news items that only one of the maps would
make. Entries of the map without source_measurement_id get the measurement of their name. Stores and sends nothing.`,
    )
    .action(tryChangedMap)
}

async function tryChangedMap(file: string | undefined, options: Options): Promise<void> {
  const { source: named, last, payloads, company, limit, news: wantsNews, json = false } = options
  const most = requireCount(limit, '--limit')
  const count = requireCount(last, '--last', { most: mostDocuments })
  const pick = pickMap(file, options)
  const given = pick.from === 'file' ? readGiven(await readInput(pick.file), pick.file) : null
  const report = await withDatabase(async (database) => {
    const source = await readMapSource(database, await findSource(database, named))
    if (!source) throw new UsageError(`Source ${named} was deleted.`)
    if (given && given.source !== source.name)
      throw new UsageError(`${file} is a map of ${given.source}, and the source is called ${source.name}.`)
    const content = given ? given.content : await readPicked(database, source, pick)
    const documents =
      payloads === undefined
        ? await readStored(database, source, count)
        : await readFile(database, source, { file: payloads, company })
    return runTrial(readEnv(trialSettings), database, source, { content, documents, news: wantsNews })
  })
  printResult(report, describeMapTrial(report, most), json)
}

type Pick = { from: 'file'; file: string } | { from: 'version'; version: number } | { from: 'waiting' }

/** Which map is meant: exactly one of a file, a stored version, and the one that waits. */
function pickMap(file: string | undefined, { version, waiting = false }: Options): Pick {
  if ([file !== undefined, version !== undefined, waiting].filter(Boolean).length !== 1)
    throw new UsageError('Give one map: a file, --version or --waiting.')
  if (version !== undefined) return { from: 'version', version: requireCount(version, '--version') }
  return file === undefined ? { from: 'waiting' } : { from: 'file', file }
}

async function readPicked(database: Database, { id, name }: MapSource, pick: Pick): Promise<string> {
  const content =
    pick.from === 'version' ? await readVersion(database, id, pick.version) : await readWaiting(database, id)
  if (content !== null) return content
  throw new UsageError(
    pick.from === 'version'
      ? `${name} has no version ${pick.version} of its map.`
      : `No map of ${name} waits for a yes.`,
  )
}

function readGiven(text: string, file: string): { source: string; content: string } {
  try {
    return readMapText(text)
  } catch (error) {
    if (error instanceof InitializeError) throw new UsageError(`${file} has no map: ${error.message}.`)
    throw error
  }
}

async function readStored(database: Database, source: MapSource, count: number): Promise<RawPayload[]> {
  const paths = await findLastDocuments(database, source.id, count)
  if (paths.length === 0)
    throw new UsageError(`${source.name} has no stored documents yet. Try the map on payloads of a file: --payloads.`)
  const access = readFirestoreAccess(readEnv(firestoreSettings))
  if (access === null) throw new UsageError('There is no access to raw documents: set FIREBASE_ADMINSDK_CERTIFICATE.')
  const firestore = openFirestore(access)
  try {
    const { payloads, unreadable } = await readDocuments(firestore, paths)
    for (const message of unreadable) console.error(`Left out: ${message}.`)
    return payloads
  } finally {
    await firestore.terminate()
  }
}

async function readFile(
  database: Database,
  { name, id }: MapSource,
  { file, company }: { file: string; company: string | undefined },
): Promise<RawPayload[]> {
  const given = company === undefined ? null : String(await findCompany(database, company))
  const bodies = readBodies(await readInput(file), file, name, given, Date.now())
  const [wrong] = bodies.filter(({ fault, company: whose }) => fault !== null || whose === null)
  if (wrong)
    throw new UsageError(
      `${wrong.place === '' ? file : `${file}, ${wrong.place}`}: ${wrong.fault ?? 'the payload names no company: use --company'}.`,
    )
  return bodies.map((body) => payloadOf(body, { id, name }))
}
