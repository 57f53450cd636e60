import { z } from 'zod'
import { type Database, sql, type SqlFragment } from '#runtime/postgres/database.ts'
import { notFound } from './respond.ts'

/** Who asks: a person of parma-web, or a program or operator with an API key, who sees everything. */
export type Viewer = { userId: number | null }

/** Whoever has an API key. */
export const keyHolder: Viewer = { userId: null }

/**
 * SQL that is true for companies that the viewer may read. A person sees what parma-web shows them: companies that are
 * in a bucket that they may see, that they added, or that they follow.
 */
export function mayRead({ userId }: Viewer, companyId: SqlFragment): SqlFragment {
  if (userId === null) return sql.fragment`true`
  return sql.fragment`${companyId} IN (
    SELECT i.company_id FROM public.company_bucket_membership i JOIN public.bucket b ON b.id = i.bucket_id
    WHERE ${maySeeBucket({ userId }, sql.fragment`b`)}
    UNION SELECT company_id FROM public.company_subscription WHERE user_id = ${userId}
    UNION SELECT company_id FROM public.news_subscription WHERE user_id = ${userId}
    UNION SELECT id FROM public.company WHERE added_by = ${userId}
  )`
}

/** The same for the bucket with this alias: their own, public ones, and those shared with them. */
export function maySeeBucket({ userId }: Viewer, bucket: SqlFragment): SqlFragment {
  if (userId === null) return sql.fragment`true`
  return sql.fragment`(${bucket}.is_public OR ${bucket}.owner_id = ${userId} OR EXISTS (
    SELECT FROM public.bucket_access a WHERE a.bucket_id = ${bucket}.id AND a.invitee_id = ${userId}))`
}

export function isInBucket(companyId: SqlFragment, bucket: number): SqlFragment {
  return sql.fragment`${companyId} IN (SELECT company_id FROM public.company_bucket_membership WHERE bucket_id = ${bucket})`
}

const idRow = z.object({ id: z.int() })

/** Throws an HttpError with 404 for a bucket that does not exist or that the viewer may not see: they look alike. */
export async function requireBucket(database: Database, viewer: Viewer, bucket: number): Promise<void> {
  const known = await database.maybeOne(sql.type(idRow)`
    SELECT b.id FROM public.bucket b WHERE b.id = ${bucket} AND ${maySeeBucket(viewer, sql.fragment`b`)}`)
  if (known === null) throw notFound('bucket', 'GET /api/v1/search')
}
