import { z } from 'zod'
import type { Database } from '#runtime/postgres/database.ts'
import { checkReportLink } from '#runtime/web/signed-links.ts'
import { uuidSource } from '#schemas/field-checks.ts'
import { expiringQuery } from '../access/signed-query.ts'
import type { Session } from '../access/sessions.ts'
import { orUnavailable } from '../ask/respond.ts'
import { asPage } from '../design/layout.ts'
import type { Bounded } from '../http/deadline.ts'
import type { RouteResponse } from '../http/response.ts'
import { validate } from '../http/validation.ts'
import type { Route, RouteRequest } from '../server/route.ts'
import { digestPage, expiredReportPage, foreignReportPage, noReportPage } from './digest-page.ts'
import { readDigest } from './read-digest.ts'

export type ReportDeps = { database: Database; boundedLookup: Bounded; linkSecret: string | undefined }

const reportParams = z.object({ digest_id: z.string().regex(new RegExp(`^${uuidSource}$`)) })

/** GET /reports/{digest_id}?until=…&signature=…: for whoever has the link, and for its reader, who has signed in. */
export function reportRoute({ database, boundedLookup, linkSecret }: ReportDeps): Route {
  return {
    ...{ method: 'get', path: '/reports/:digest_id', role: 'maybe-person' },
    doc: {
      summary: 'A digest as a page. Each digest links to its own.',
      params: reportParams,
      query: expiringQuery,
      responses: {
        200: asPage('The page.'),
        403: asPage('The signature is missing or wrong, and it is the digest of somebody else.'),
        404: asPage('There is no such digest.'),
        410: asPage('The link has expired. The page says how to get a new one.'),
      },
    },
    async handle(request: RouteRequest, viewer: Session | null): Promise<RouteResponse> {
      const { digest_id } = validate(reportParams, request.params, 'path')
      const signed = validate(expiringQuery, request.query, 'query')
      const verdict = linkSecret === undefined ? 'forged' : checkReportLink(linkSecret, digest_id, signed, Date.now())
      if (verdict !== 'good' && viewer === null)
        return verdict === 'expired' ? expiredReportPage() : foreignReportPage(null)
      const digest = await orUnavailable(boundedLookup(readDigest(database, digest_id)))
      const isTheirs = viewer !== null && (viewer.userId === null || viewer.userId === digest?.user_id)
      if (verdict === 'good' || isTheirs) return digest === null ? noReportPage(viewer) : digestPage(digest, viewer)
      return verdict === 'expired' ? expiredReportPage() : foreignReportPage(viewer)
    },
  }
}
