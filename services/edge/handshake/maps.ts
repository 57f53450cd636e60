import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { lock } from '#runtime/postgres/lock.ts'

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
