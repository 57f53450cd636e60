import { z } from 'zod'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { type CacheOptions, createDatabaseCache } from '../http/cache.ts'
import { HttpError } from '../http/http-error.ts'

const sourceRow = z.object({
  id: z.number(),
  name: z.string(),
  endpoint: z.string(),
  /** Whether its module ever sent a map. */
  has_map: z.boolean(),
  /** The newest version of its map that is durable in Kafka; null: none is. */
  map_version: z.number().nullable(),
})

/** A row of public.data_source, with the state of its map. */
export type Source = z.output<typeof sourceRow>

export type Sources = {
  /**
   * The source with this id; null: it does not exist. It comes from the cache if it was read lately, or while Postgres
   * does not answer.
   */
  find(id: number): Promise<Source | null>
  /** The same, never from the cache. */
  read(id: number): Promise<Source | null>
}

export function openSources(database: Database, options: CacheOptions): Sources {
  // A source without a map may get one at any moment, and the response of a feed says whether there is one.
  const cache = createDatabaseCache<Source>(options, ({ map_version }) => map_version !== null)
  return {
    find: (id) => cache.get(String(id), () => query(database, id)),
    read: (id) => cache.refresh(String(id), () => query(database, id)),
  }
}

async function query(database: Database, id: number): Promise<Source | null> {
  if (!z.int32().safeParse(id).success) return null
  return database.maybeOne(sql.type(sourceRow)`
    SELECT id, source_name AS name, invocation_endpoint AS endpoint,
      EXISTS (SELECT FROM edge.normalization_map WHERE data_source_id = s.id) AS has_map,
      (SELECT max(version) FROM edge.normalization_map
        WHERE data_source_id = s.id AND published_at IS NOT NULL) AS map_version
    FROM public.data_source s WHERE id = ${id}`)
}

/** Whether a source may have this name. It is part of a path in Firestore. */
export function isLegalName(name: string): boolean {
  return /^(?!__.*__$)[a-z0-9_-]{1,200}$/.test(name)
}

/** Throws an HttpError with 409 if Firestore cannot have a collection of the source's name. */
export function requireLegalName({ id, name }: Source): void {
  if (isLegalName(name)) return
  throw new HttpError(
    409,
    `Data source ${id} is called ${JSON.stringify(name.slice(0, 200))}. Rename it: only a-z, 0-9, _ and - are allowed.`,
  )
}
