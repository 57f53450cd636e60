import type { Limited } from '#runtime/calls/limit-work.ts'
import type { Database } from '#runtime/postgres/database.ts'
import type { Session } from '../access/sessions.ts'
import { orUnavailable } from '../ask/respond.ts'
import { given } from '../console/news-query.ts'
import { asPage, showPage } from '../design/layout.ts'
import { readZone } from '../design/zone.ts'
import type { Bounded } from '../http/deadline.ts'
import type { RouteResponse } from '../http/response.ts'
import { validate } from '../http/validation.ts'
import type { Route, RouteRequest } from '../server/route.ts'
import { readChoices, readRefused, refusedQuery } from './read-refusals.ts'
import { refusedMain, refusedPath } from './refused-page.ts'

export type RefusalDeps = { database: Database; bounded: Bounded; limited: Limited }

/** What was refused, for operators. */
export function refusalRoutes(deps: RefusalDeps): Route[] {
  return [
    {
      ...{ method: 'get', path: refusedPath, role: 'desk' },
      doc: {
        summary: 'What was refused or not named by a map, by source, path and reason, with samples and remedies.',
        query: refusedQuery,
        responses: { 200: asPage('The page.') },
      },
      handle: showRefused(deps),
    },
  ]
}

function showRefused({ database, bounded, limited }: RefusalDeps) {
  return async (request: RouteRequest, session: Session): Promise<RouteResponse> => {
    const query = validate(refusedQuery, given(request.query), 'query')
    const [groups, choices, zone] = await Promise.all([
      orUnavailable(bounded(limited(() => readRefused(database, query)))),
      orUnavailable(bounded(readChoices(database))),
      bounded(readZone(database, session, request.headers.cookie)),
    ])
    const main = refusedMain({ query, groups, choices, zone })
    return showPage({ title: 'Refused', main, viewer: session, desk: 'refused', zone, width: 'wide' })
  }
}
