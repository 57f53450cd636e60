import { z } from 'zod'
import { includesRole } from '#runtime/changes/roles.ts'
import { type Database, sql, type SqlFragment } from '#runtime/postgres/database.ts'
import { isVisibleBucket, isVisibleCompany } from '#runtime/postgres/visible.ts'
import type { Viewer } from '../access/viewer.ts'
import { notFound } from './respond.ts'

/** Whoever runs a command. */
export const keyHolder: Viewer = { userId: null, role: 'operator', name: 'parma' }

/** Whether the viewer may see what is for operators: reasons of modules, errors, tasks. */
export function maySeeInternals({ userId, role }: Viewer): boolean {
  return userId === null || includesRole(role, 'operator')
}

/**
 * SQL that is true for companies that the viewer may read. A person sees what parma-web shows them: companies that are
 * in a bucket that they may see, that they added, or that they follow.
 */
export function mayRead({ userId }: Pick<Viewer, 'userId'>, companyId: SqlFragment): SqlFragment {
  if (userId === null) return sql.fragment`true`
  return isVisibleCompany(userId, companyId)
}

/** The same for the bucket with this alias: their own, public ones, and those shared with them. */
export function maySeeBucket({ userId }: Pick<Viewer, 'userId'>, bucket: SqlFragment): SqlFragment {
  if (userId === null) return sql.fragment`true`
  return isVisibleBucket(userId, bucket)
}

/** SQL that is true for companies that the person follows. Whoever has an API key follows none. */
export function isFollowed({ userId }: Viewer, companyId: SqlFragment): SqlFragment {
  if (userId === null) return sql.fragment`false`
  const own = sql.fragment`notifier.person_subscription_view s`
  return sql.fragment`(
    ${companyId} IN (
      SELECT company_id FROM public.company_subscription WHERE user_id = ${userId}
      UNION SELECT company_id FROM public.news_subscription WHERE user_id = ${userId}
      UNION SELECT s.company_id FROM ${own} WHERE s.user_id = ${userId}
      UNION SELECT m.company_id FROM ${own} JOIN public.company_bucket_membership m USING (bucket_id)
        WHERE s.user_id = ${userId}
    ) OR EXISTS (SELECT FROM ${own} WHERE s.user_id = ${userId} AND s.company_id IS NULL AND s.bucket_id IS NULL)
  )`
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

const isRow = z.object({ is: z.boolean() })

/** Whether the viewer may read the company with this id, as payloads write it. */
export async function isReadable(database: Database, viewer: Viewer, companyId: string | null): Promise<boolean> {
  if (viewer.userId === null) return true
  if (companyId === null || !/^[1-9]\d{0,8}$/.test(companyId)) return false
  return database.oneFirst(sql.type(isRow)`SELECT ${mayRead(viewer, sql.fragment`${Number(companyId)}`)} AS is`)
}

/** The same of a news item. One that is withheld may be read by key holders only. */
export async function isReadableNews(database: Database, viewer: Viewer, newsId: string): Promise<boolean> {
  if (viewer.userId === null) return true
  return database.oneFirst(sql.type(isRow)`
    SELECT EXISTS (
      SELECT FROM analyzer.news_view n WHERE n.news_id = ${newsId} AND ${mayRead(viewer, sql.fragment`n.company_id`)}
    ) AS is`)
}
