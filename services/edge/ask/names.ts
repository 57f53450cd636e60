import { z } from 'zod'
import { sql, type SqlFragment } from '#runtime/postgres/database.ts'

/** A row of parma-web with its name; null where it was deleted. */
export const named = z.object({ id: z.int(), name: z.string().nullable() })

/** SQL that is true when `name` contains `words`, in whatever case. */
export function contains(name: SqlFragment, words: string): SqlFragment {
  return sql.fragment`${name} ILIKE ${`%${words.replaceAll(/[\\%_]/g, '\\$&')}%`}`
}

/** All conditions, which are none where there are none. */
export function allOf(conditions: readonly (SqlFragment | null)[]): SqlFragment {
  const given = conditions.filter((condition) => condition !== null)
  return given.length === 0 ? sql.fragment`true` : sql.fragment`${sql.join(given, sql.fragment` AND `)}`
}
