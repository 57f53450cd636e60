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
import { findLastDocuments, type MapSource, readMapSource } from './try-map.ts'

type Options = {
  source: string
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
    .argument('<file>', 'a map or a module’s answer to /initialize (JSON); - for stdin')
    .requiredOption('--source <source>', 'id or name of a data source')
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

async function tryChangedMap(file: string, options: Options): Promise<void> {
  const { source: named, last, payloads, company, limit, news: wantsNews, json = false } = options
  const most = requireCount(limit, '--limit')
  const count = requireCount(last, '--last', { most: mostDocuments })
  const map = readGiven(await readInput(file), file)
  const report = await withDatabase(async (database) => {
    const source = await readMapSource(database, await findSource(database, named))
    if (!source) throw new UsageError(`Source ${named} was deleted.`)
    if (map.source !== source.name)
      throw new UsageError(`${file} is a map of ${map.source}, and the source is called ${source.name}.`)
    const documents =
      payloads === undefined
        ? await readStored(database, source, count)
        : await readFile(database, source, { file: payloads, company })
    return runTrial(readEnv(trialSettings), database, source, { content: map.content, documents, news: wantsNews })
  })
  printResult(report, describeMapTrial(report, most), json)
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
