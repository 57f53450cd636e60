import { z } from 'zod'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { type CacheOptions, createDatabaseCache } from '../http/cache.ts'
import { HttpError } from '../http/http-error.ts'

const sourceRow = z.object({
  id: z.number(),
  name: z.string(),
  endpoint: z.string(),
  /** Whether it ever sent a map. */
  has_map: z.boolean(),
  /** The newest version of its map that is durable in Kafka; null: there is none. */
  map_version: z.number().nullable(),
})

/** A row of public.data_source, as far as it matters here, and what is known of its map. */
export type Source = z.output<typeof sourceRow>

export type Sources = {
  /**
   * The source with this id; null when there is none. From cache when it was read lately, and for as long as Postgres
   * does not answer.
   */
  find(id: number): Promise<Source | null>
  /** The same, never from cache. */
  read(id: number): Promise<Source | null>
}

export function openSources(database: Database, options: CacheOptions): Sources {
  // A source without a map is expected to get one any moment, and callers are told which of the two it is.
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
      (SELECT max(version) FROM edge.normalization_map WHERE data_source_id = s.id AND published_at IS NOT NULL) AS map_version
    FROM public.data_source s WHERE id = ${id}`)
}

/** What a source may be called: in Firestore its raw documents lie in a collection of its name. */
export function isLegalName(name: string): boolean {
  return /^(?!__.*__$)[a-z0-9_-]{1,200}$/.test(name)
}

/** An HttpError when the source's raw documents have no place. */
export function requireLegalName({ id, name }: Source): void {
  if (isLegalName(name)) return
  throw new HttpError(
    409,
    `Data source ${id} is called ${JSON.stringify(name.slice(0, 200))}. Rename it: only a-z, 0-9, _ and - are allowed.`,
  )
}
