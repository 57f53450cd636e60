import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { completeMap } from '#runtime/module/complete-map.ts'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { isHistory } from '#runtime/read/payload-rules.ts'
import { compileMap, type LoadedMap } from '#runtime/understand/compile-map.ts'
import { understand, type UnderstandOptions } from '#runtime/understand/understand.ts'
import type { RawPayload } from '#schemas/generated/types.ts'
import type { Config } from '../config.ts'
import { type Tried, tryPayloads } from '../trial/try-payloads.ts'

/** A source, and the version of its map that is in force; null: none is. */
export type MapSource = { id: number; name: string; inForce: (LoadedMap & { content: string }) | null; newest: number }

/** The same payloads by the map in force and by the changed one, in their order. */
export type TriedMaps = {
  eventIds: string[]
  before: Tried[]
  after: Tried[]
  faults: { path: string; message: string }[]
}

export type TrialConfig = UnderstandOptions & Pick<Config, 'CLOCK_TOLERANCE_MS'>

/**
 * Understands payloads as if they were sent again now, one after the other: by the map in force and by a changed one, given
 * as JSON text. Writes nothing. While it works, the normalizer waits with payloads of the same companies and source.
 */
export async function tryMap(
  config: TrialConfig,
  database: Pick<Database, 'transaction'>,
  source: MapSource,
  content: string,
  documents: readonly RawPayload[],
): Promise<TriedMaps> {
  const payloads = documents.map((document) => sendAgain(document, source))
  const works = (map: LoadedMap | 'no-map') =>
    payloads.map((payload) => ({ payload, result: understand(payload, map, config) }))
  let faults: TriedMaps['faults'] = []
  const before = await tryPayloads(config, database, () => Promise.resolve(works(source.inForce ?? 'no-map')))
  const after = await tryPayloads(config, database, async (tx) => {
    const compiled = compileMap(await completeMap(tx, source.id, content))
    faults = compiled?.faults ?? []
    return works({ version: source.newest + 1, compiled })
  })
  return { eventIds: payloads.map(({ event_id }) => event_id), before, after, faults }
}

/** The payload as it would be accepted now. Its own observed time stays. */
function sendAgain(document: RawPayload, { id, name }: MapSource): RawPayload {
  const received_at = Date.now()
  return {
    ...document,
    ...{ event_id: randomUUID(), received_at, history: isHistory(received_at, document.observed_at) },
    ...{ data_source_id: id, source_name: name, task_id: null, map_version: null, replay: null },
  }
}

const sourceRow = z.object({
  name: z.string(),
  version: z.number().nullable(),
  content: z.string().nullable(),
  newest: z.number(),
})

/** A source with the map in force; null: it does not exist. */
export async function readMapSource(connection: Pick<Database, 'maybeOne'>, id: number): Promise<MapSource | null> {
  const found = await connection.maybeOne(sql.type(sourceRow)`
    SELECT s.source_name AS name, m.version, m.content,
      coalesce((SELECT max(version) FROM edge.normalization_map WHERE data_source_id = s.id), 0) AS newest
    FROM public.data_source s
    LEFT JOIN edge.normalization_map m ON m.data_source_id = s.id AND m.published_at IS NOT NULL
    WHERE s.id = ${id} ORDER BY m.version DESC LIMIT 1`)
  if (!found) return null
  const { name, version, content, newest } = found
  const inForce = version === null ? null : { version, compiled: compileMap(content!), content: content! }
  return { id, name, inForce, newest }
}

const contentRow = z.object({ content: z.string() })

/** The map of a stored version; null: the source has no such version. */
export function readVersion(
  connection: Pick<Database, 'maybeOneFirst'>,
  source: number,
  version: number,
): Promise<string | null> {
  return connection.maybeOneFirst(sql.type(contentRow)`
    SELECT content FROM edge.normalization_map WHERE data_source_id = ${source} AND version = ${version}`)
}

/** The map of a source that waits for a yes; null: none does. */
export function readWaiting(connection: Pick<Database, 'maybeOneFirst'>, source: number): Promise<string | null> {
  return connection.maybeOneFirst(sql.type(contentRow)`
    SELECT content FROM edge.map_draft WHERE data_source_id = ${source} AND state = 'waiting'`)
}

const documentRow = z.object({ document: z.string() })

/** Paths of the raw documents of a source's last payloads, in the order in which they came. */
export async function findLastDocuments(
  connection: Pick<Database, 'any'>,
  sourceId: number,
  count: number,
): Promise<string[]> {
  const rows = await connection.any(sql.type(documentRow)`
    SELECT document FROM normalizer.processed_event
    WHERE data_source_id = ${sourceId} AND replay_id = '' ORDER BY received_at DESC, event_no DESC LIMIT ${count}`)
  return rows.map(({ document }) => document).toReversed()
}
