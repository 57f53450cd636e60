import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Command } from 'commander'
import type { Firestore } from '@google-cloud/firestore'
import { auditCommand } from '#runtime/changes/audit-command.ts'
import { openCommandPool } from '#runtime/commands/command-database.ts'
import { printRows, UsageError } from '#runtime/commands/commands.ts'
import { readCommand } from '#runtime/commands/run-command.ts'
import { openFirestore } from '#runtime/firestore/firestore.ts'
import { firestoreSettings, readFirestoreAccess } from '#runtime/firestore/settings.ts'
import { problemsOf, readEnv } from '#runtime/process/config.ts'
import { postgresSettings } from '#runtime/process/settings.ts'
import { listPending } from '../migrate.ts'
import { countRows, findSourcesWithoutMap, lookAtSchema, type Seen } from './look.ts'

export function build(group: Command): void {
  group
    .option('--dry-run', 'print what is there and what would be done, change nothing')
    .option('--json', 'print JSON')
    .action(adopt)
}

const shape = { ...postgresSettings, ...firestoreSettings }

/** Takes over the database and the maps of the predecessor. It may run any number of times. */
async function adopt({ dryRun = false, json = false }: { dryRun?: boolean; json?: boolean }): Promise<void> {
  const config = readEnv(shape, undefined, (some) => problemsOf(() => readFirestoreAccess(some)))
  await using scope = new AsyncDisposableStack()
  const database = await openCommandPool(config)
  scope.defer(() => database.end())
  const seen = [await lookAtSchema(database)]
  const pending = await listPending(config)
  if (pending.length > 0)
    seen.push({ look: 'migrations', found: `${pending.length} not run`, does: 'npx parma migrate first', stops: true })
  const access = readFirestoreAccess(config)
  const firestore = access && openFirestore(access)
  scope.defer(() => firestore?.terminate())
  if (!seen.some(({ stops }) => stops)) {
    seen.push(...(await countRows(database)))
    for (const source of await findSourcesWithoutMap(database)) {
      const map = firestore && (await readNewestMap(firestore, source.name))
      const look = `source ${source.name}`
      const again = `npx parma sources ls, then GET /handshake?invocation_endpoint=…&data_source_id=${source.id}`
      if (map === null) seen.push({ look, found: 'no map', does: again, stops: false })
      else if (dryRun)
        seen.push({ look, found: 'its map in Firestore', does: 'it is brought into force', stops: false })
      else seen.push({ look, found: 'its map in Firestore', ...(await bring(map, source.id)), stops: false })
    }
  }
  if (!dryRun && !seen.some(({ stops }) => stops))
    await database.transaction((tx) => auditCommand(tx, 'cli', { kind: 'cli.adopt', subject: 'database', after: seen }))
  printRows(
    seen.map(({ stops, ...row }) => ({ ...row, ok: stops ? 'no' : 'yes' })),
    json,
  )
  const stopping = seen.filter(({ stops }) => stops)
  if (stopping.length > 0 && !json) throw new UsageError(`Not adopted: ${stopping.map(({ look }) => look).join(', ')}.`)
}

/** The predecessor took the map that was made last; it stored them under the name that the map itself says. */
async function readNewestMap(firestore: Firestore, source: string): Promise<string | null> {
  const { docs } = await firestore.collection(`parma/mining/datasource/${source}/normalization_schema`).get()
  const [newest] = docs.toSorted((a, b) => b.createTime.toMillis() - a.createTime.toMillis())
  return newest ? JSON.stringify(newest.get('schema')) : null
}

/** By the command of the edge, which owns maps: it checks the map, and Kafka has it before it is in force. */
async function bring(map: string, sourceId: number): Promise<Pick<Seen, 'does'>> {
  const folder = await mkdtemp(join(tmpdir(), 'parma-adopt-'))
  try {
    const file = join(folder, 'map.json')
    await writeFile(file, map)
    const args = [
      'activate',
      file,
      '--source',
      String(sourceId),
      '--reason',
      'adopted from the predecessor',
      '--yes',
      '--json',
    ]
    await readCommand('maps', ...args)
    return { does: 'it is in force' }
  } catch (error) {
    if (error instanceof UsageError) return { does: 'it was refused: a handshake brings a new one' }
    throw error
  } finally {
    await rm(folder, { recursive: true })
  }
}
