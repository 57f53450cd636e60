import type { Command } from 'commander'
import { z } from 'zod'
import { auditCommand } from '#runtime/changes/audit-command.ts'
import { findSource, isoTime, openCommandPool } from '#runtime/commands/command-database.ts'
import { printResult, printRows } from '#runtime/commands/commands.ts'
import { readTopics } from '#runtime/kafka/read-topics.ts'
import { output } from '#runtime/kafka/output.ts'
import { findLostMeasurements, recoverMeasurements } from '#runtime/module/recover-measurements.ts'
import { openPublisher, readRows } from '#runtime/open-kafka.ts'
import { type Database, sql, type Transaction } from '#runtime/postgres/database.ts'
import { readEnv } from '#runtime/process/config.ts'
import { createLog } from '#runtime/process/log.ts'
import { type KafkaSettings, kafkaSettings, postgresSettings, producerSettings } from '#runtime/process/settings.ts'
import { formatCount } from '#runtime/text/format.ts'
import type { NormalizationMap } from '#schemas/generated/types.ts'
import { topics } from '#schemas/topics.ts'
import { keyOf, lockMaps, mapEvent, readMap } from './versions.ts'

/** What Postgres and the topic have of each other's maps. */
export function addPublish(group: Command): void {
  group
    .command('publish')
    .description('publish again the versions of maps that are in Postgres and no longer on their topic')
    .option('--source <source>', 'only the maps of this data source: id or name')
    .option('--dry-run', 'list what is missing on the topic, publish nothing')
    .option('--json', 'print JSON')
    .action(publish)
  group
    .command('recover')
    .description(
      'after a restore of Postgres: take back the versions of maps, with their measurements, that their topic has',
    )
    .option('--dry-run', 'list what is missing in Postgres, change nothing')
    .option('--json', 'print JSON')
    .action(recover)
}

const mapRow = z.object({
  data_source_id: z.number(),
  source: z.string(),
  version: z.number(),
  received_at: z.string(),
})

type Options = { source?: string; dryRun?: boolean; json?: boolean }

async function publish({ source, dryRun = false, json = false }: Options): Promise<void> {
  const config = readEnv({ ...postgresSettings, ...kafkaSettings, ...producerSettings })
  await using scope = new AsyncDisposableStack()
  const database = await openCommandPool(config)
  scope.defer(() => database.end())
  const maps = await listMaps(database, source === undefined ? null : await findSource(database, source))
  const there = await readKeys(config)
  const missing = maps.filter((map) => !there.has(keyOf(map)))
  if (dryRun)
    return printRows(
      missing.map(({ data_source_id: _, ...row }) => row),
      json,
      ['received_at'],
    )
  if (missing.length > 0) {
    const after = missing.map((map) => ({ source: map.data_source_id, version: map.version }))
    await auditCommand(database, 'edge', { kind: 'edge.map.publish', subject: 'maps', after })
  }
  const send = await openPublisher(config, { name: 'parma', log: createLog('parma', 'silent'), scope })
  const onTopic = maps.length - missing.length
  // One at a time, as a map may be large.
  for (const one of missing) {
    const event = mapEvent(await readMap(database, one))
    await send([output(topics.normalizationMaps, keyOf(one), event.event_id, event)])
  }
  printResult(
    { published: missing.length, on_topic: onTopic },
    `published ${formatCount(missing.length, 'version')} of maps again; ${onTopic} ${onTopic === 1 ? 'was' : 'were'} on the topic`,
    json,
  )
}

/** The versions that were once confirmed by Kafka, the oldest of each source first. */
function listMaps(database: Database, sourceId: number | null) {
  return database.any(sql.type(mapRow)`
    SELECT m.data_source_id, s.source_name AS source, m.version, ${isoTime(sql.fragment`m.received_at`)} AS received_at
    FROM edge.normalization_map m JOIN public.data_source s ON s.id = m.data_source_id
    WHERE m.published_at IS NOT NULL AND (m.data_source_id = ${sourceId} OR ${sourceId}::int IS NULL)
    ORDER BY s.source_name, s.id, m.version`)
}

/** The keys of the records on the topic. One that was deleted since is not among them. */
async function readKeys(config: KafkaSettings): Promise<Set<string>> {
  const keys = new Set<string>()
  const topic = config.TOPIC_PREFIX + topics.normalizationMaps.name
  await readTopics(config, createLog('parma', 'silent'), [topic], ({ key, value }) => {
    if (key === null) return
    if (value === null) keys.delete(String(key))
    else keys.add(String(key))
  })
  return keys
}

/** A version that the topic has and Postgres does not. */
type Missing = { source: string; version: number; measurements: number; problem: string | null }

async function recover({ dryRun = false, json = false }: { dryRun?: boolean; json?: boolean }): Promise<void> {
  const config = readEnv({ ...postgresSettings, ...kafkaSettings })
  await using scope = new AsyncDisposableStack()
  const database = await openCommandPool(config)
  scope.defer(() => database.end())
  const maps = await readMaps(config)
  const missing: Missing[] = []
  for (const map of maps) missing.push(...(await database.transaction((tx) => recoverMap(tx, map, dryRun))))
  const good = missing.filter(({ problem }) => problem === null)
  if (!dryRun && good.length > 0)
    await auditCommand(database, 'edge', { kind: 'edge.map.recover', subject: 'maps', after: good })
  if (json) return printResult(missing, '', true)
  printRows(missing, false)
  printResult(null, `${formatCount(good.length, 'version')} of maps ${dryRun ? 'would be' : 'are'} taken back.`, false)
}

/** Every version that the topic has, the oldest of each source first. */
async function readMaps(config: KafkaSettings): Promise<NormalizationMap[]> {
  const found = new Map<string, NormalizationMap>()
  await readRows(config, topics.normalizationMaps, (map, key) => {
    if (map === null) found.delete(key)
    else found.set(key, map)
  })
  return [...found.values()].sort((a, b) => a.data_source_id - b.data_source_id || a.version - b.version)
}

const hashRow = z.object({ content_hash: z.string().nullable(), source: z.string() })

async function recoverMap(tx: Transaction, map: NormalizationMap, dryRun: boolean): Promise<Missing[]> {
  const { data_source_id: sourceId, source_name: source, version, content_hash, content } = map
  await lockMaps(tx, sourceId)
  const known = await tx.maybeOne(sql.type(hashRow)`
    SELECT m.content_hash, s.source_name AS source FROM public.data_source s
    LEFT JOIN edge.normalization_map m ON m.data_source_id = s.id AND m.version = ${version}
    WHERE s.id = ${sourceId}`)
  const about = { source, version, measurements: 0 }
  if (!known) return [{ ...about, problem: 'there is no such source any more' }]
  if (known.content_hash === content_hash) return []
  if (known.content_hash !== null) return [{ ...about, problem: 'Postgres has another map of this version' }]
  const lost = await findLostMeasurements(tx, sourceId, content)
  const measurements = lost.rows.length
  if (lost.problem !== null) return [{ ...about, measurements, problem: lost.problem }]
  if (!dryRun) {
    await recoverMeasurements(tx, sourceId, lost.rows)
    await tx.query(sql.unsafe`
      INSERT INTO edge.normalization_map (data_source_id, version, content_hash, content, received_at, published_at, reason)
      VALUES (${sourceId}, ${version}, ${content_hash}, ${content}, to_timestamp(${map.received_at} / 1000.0), now(),
        'recovered from its topic')`)
  }
  return [{ ...about, measurements, problem: null }]
}
