import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { lock } from '#runtime/postgres/lock.ts'
import type { NormalizationMap } from '#schemas/generated/types.ts'
import { idOf } from '../publish/identify.ts'

const versionRow = z.object({
  version: z.number(),
  content: z.string(),
  content_hash: z.string(),
  received_at: z.number(),
})

/** A stored version of a source's map. */
export type MapVersion = z.output<typeof versionRow>

/**
 * Stores a map of a source, as JSON text. Returns the newest version if it is the same map, in whatever order its objects
 * list their members, else a new one with the next number. Concurrent handshakes with the same map get the same version.
 */
export function storeMap(
  database: Database,
  sourceId: number,
  content: string,
  contentHash: string,
): Promise<MapVersion> {
  return database.transaction(async (tx) => {
    await lock(tx, 'edge.normalization_map', sourceId)
    const newest = await tx.maybeOne(sql.type(versionRow)`
      SELECT version, content, content_hash, received_at FROM edge.normalization_map
      WHERE data_source_id = ${sourceId} ORDER BY version DESC LIMIT 1`)
    if (newest && (newest.content_hash === contentHash || isSameMap(newest.content, content))) return newest
    return tx.one(sql.type(versionRow)`
      INSERT INTO edge.normalization_map (data_source_id, version, content_hash, content)
      VALUES (${sourceId}, ${(newest?.version ?? 0) + 1}, ${contentHash}, ${content})
      RETURNING version, content, content_hash, received_at`)
  })
}

function isSameMap(one: string, other: string): boolean {
  return isDeepStrictEqual(JSON.parse(one), JSON.parse(other))
}

/** Records that a version is durable in Kafka. */
export async function markPublished(database: Database, sourceId: number, version: number): Promise<void> {
  await database.query(sql.unsafe`
    UPDATE edge.normalization_map SET published_at = now()
    WHERE data_source_id = ${sourceId} AND version = ${version} AND published_at IS NULL`)
}

type Key = { data_source_id: number; version: number }

/** The key of a version's record. */
export function keyOf({ data_source_id, version }: Key): string {
  return `${data_source_id}/${version}`
}

/** The value of a version's record: the same whenever it is published. */
export function mapEvent(map: Omit<NormalizationMap, 'event_id'>): NormalizationMap {
  return { ...map, event_id: idOf('normalization-map', map.data_source_id, map.version, map.content_hash) }
}

const storedRow = versionRow.extend({ data_source_id: z.number(), source_name: z.string() })

/** A stored version with its content. */
export function readMap(database: Database, { data_source_id, version }: Key): Promise<z.output<typeof storedRow>> {
  return database.one(sql.type(storedRow)`
    SELECT m.data_source_id, s.source_name, m.version, m.content, m.content_hash, m.received_at
    FROM edge.normalization_map m JOIN public.data_source s ON s.id = m.data_source_id
    WHERE m.data_source_id = ${data_source_id} AND m.version = ${version}`)
}
