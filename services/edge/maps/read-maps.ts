import { z } from 'zod'
import { type Database, sql } from '#runtime/postgres/database.ts'

const mapRow = z.object({
  version: z.number(),
  /** `earlier`: it was in force. `not published`: Kafka has not confirmed it, so it never was. */
  state: z.enum(['in force', 'earlier', 'not published']),
  origin: z.enum(['handshake', 'activate', 'rollback']),
  actor: z.string().nullable(),
  reason: z.string().nullable(),
  same_as: z.number().nullable(),
  received_at: z.number(),
  published_at: z.number().nullable(),
})

/** A version of a source's map, with who brought it and when. */
export type MapRow = z.output<typeof mapRow>

/** The versions of a source's map, the newest first. */
export function listMaps(database: Pick<Database, 'any'>, sourceId: number): Promise<readonly MapRow[]> {
  return database.any(sql.type(mapRow)`
    SELECT version, origin, actor, reason, same_as, received_at, published_at,
      CASE WHEN published_at IS NULL THEN 'not published'
        WHEN version = max(version) FILTER (WHERE published_at IS NOT NULL) OVER () THEN 'in force'
        ELSE 'earlier' END AS state
    FROM edge.normalization_map WHERE data_source_id = ${sourceId} ORDER BY version DESC`)
}

const contentRow = mapRow.omit({ state: true }).extend({ content: z.string(), content_hash: z.string() })

/** A version with its map as JSON text. */
export type MapContent = z.output<typeof contentRow>

/** One version, or with null the one in force; null: there is none. */
export function readMapContent(
  database: Pick<Database, 'maybeOne'>,
  sourceId: number,
  version: number | null,
): Promise<MapContent | null> {
  const isIt = version === null ? sql.fragment`published_at IS NOT NULL` : sql.fragment`version = ${version}`
  return database.maybeOne(sql.type(contentRow)`
    SELECT version, origin, actor, reason, same_as, received_at, published_at, content, content_hash
    FROM edge.normalization_map WHERE data_source_id = ${sourceId} AND ${isIt} ORDER BY version DESC LIMIT 1`)
}
