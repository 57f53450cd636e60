import type { Command } from 'commander'
import { z } from 'zod'
import { auditCommand } from '#runtime/changes/audit-command.ts'
import { findSource, isoTime, openCommandPool } from '#runtime/commands/command-database.ts'
import { printResult, printRows } from '#runtime/commands/commands.ts'
import { readTopics } from '#runtime/kafka/read-topics.ts'
import { output } from '#runtime/kafka/output.ts'
import { openPublisher } from '#runtime/open-kafka.ts'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { readEnv } from '#runtime/process/config.ts'
import { createLog } from '#runtime/process/log.ts'
import { type KafkaSettings, kafkaSettings, postgresSettings, producerSettings } from '#runtime/process/settings.ts'
import { formatCount } from '#runtime/text/format.ts'
import { topics } from '#schemas/topics.ts'
import { keyOf, mapEvent, readMap } from './versions.ts'

export function addPublish(group: Command): void {
  group
    .command('publish')
    .description('publish again the versions of maps that are in Postgres and no longer on their topic')
    .option('--source <source>', 'only the maps of this data source: id or name')
    .option('--dry-run', 'list what is missing on the topic, publish nothing')
    .option('--json', 'print JSON')
    .action(publish)
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
