import { z } from 'zod'
import { type Database, sql } from '#runtime/postgres/database.ts'
import type { Viewer } from '../access/viewer.ts'
import { maySeeBucket } from '../ask/may-read.ts'
import { search, type SearchResult } from '../ask/search.ts'
import { text } from '../http/validation.ts'
import { type personDetail, readPerson } from '../changes/person.ts'

export const meQuery = z.object({
  q: text(200).optional().describe('Part of the name of a company to follow.'),
  /** A change that was just asked for, whose outcome the page says. */
  change: z.uuid().optional(),
})
export type MeQuery = z.output<typeof meQuery>

const bucketRow = z.object({ id: z.int(), name: z.string(), companies: z.int() })

/** What My page shows. */
export type MeView = {
  detail: z.output<typeof personDetail>
  /** Buckets that the person may see. */
  buckets: readonly z.output<typeof bucketRow>[]
  /** Companies whose name has the words that were searched for; null: none were. */
  found: SearchResult['companies'] | null
}

/** What My page is made of. `q`: the words that were searched for. */
export type MeMain = { view: MeView; q: string | undefined; zone: string }

/** Companies that a search shows. */
const mostFound = 12

/** Null: the person was deleted. */
export async function readMe(
  database: Database,
  viewer: Viewer,
  person: number,
  { q }: MeQuery,
): Promise<MeView | null> {
  const [detail, buckets, result] = await Promise.all([
    readPerson(database, person),
    database.any(sql.type(bucketRow)`
      SELECT b.id, b.title AS name,
        (SELECT count(*)::int FROM public.company_bucket_membership m WHERE m.bucket_id = b.id) AS companies
      FROM public.bucket b WHERE ${maySeeBucket(viewer, sql.fragment`b`)}
      ORDER BY lower(b.title), b.id LIMIT ${mostBuckets}`),
    q === undefined || q.trim() === '' ? null : search(database, viewer, { q: q.trim(), limit: mostFound }),
  ])
  return detail && { detail, buckets, found: result?.companies ?? null }
}

const mostBuckets = 500
