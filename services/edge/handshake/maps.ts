import { z } from 'zod'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { lock } from '#runtime/postgres/lock.ts'

const versionRow = z.object({ version: z.number(), received_at: z.number() })

/** A stored version of a source's map. */
export type MapVersion = z.output<typeof versionRow>

/**
 * Stores a map of a source. Returns the newest version if it has this content, else a new one with the next number.
 * Concurrent handshakes with the same map get the same version.
 */
export function storeMap(
  database: Database,
  sourceId: number,
  content: string,
  contentHash: string,
): Promise<MapVersion> {
  return database.transaction(async (tx) => {
    await lock(tx, 'edge.normalization_map', sourceId)
    const newest = await tx.maybeOne(sql.type(versionRow.extend({ content_hash: z.string() }))`
      SELECT version, received_at, content_hash FROM edge.normalization_map
      WHERE data_source_id = ${sourceId} ORDER BY version DESC LIMIT 1`)
    if (newest?.content_hash === contentHash) return newest
    return tx.one(sql.type(versionRow)`
      INSERT INTO edge.normalization_map (data_source_id, version, content_hash, content)
      VALUES (${sourceId}, ${(newest?.version ?? 0) + 1}, ${contentHash}, ${content})
      RETURNING version, received_at`)
  })
}

/** Records that a version is durable in Kafka. */
export async function markPublished(database: Database, sourceId: number, version: number): Promise<void> {
  await database.query(sql.unsafe`
    UPDATE edge.normalization_map SET published_at = now()
    WHERE data_source_id = ${sourceId} AND version = ${version} AND published_at IS NULL`)
}
