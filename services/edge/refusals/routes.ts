import { z } from 'zod'
import type { Limited } from '#runtime/calls/limit-work.ts'
import type { Database } from '#runtime/postgres/database.ts'
import type { Session } from '../access/sessions.ts'
import { id } from '../ask/parameters.ts'
import { orUnavailable } from '../ask/respond.ts'
import type { Changes } from '../changes/changes.ts'
import { askFor, goBack, goesBack, readNotice } from '../console/changes.ts'
import { given } from '../console/news-query.ts'
import { asPage, showPage } from '../design/layout.ts'
import { readZone } from '../design/zone.ts'
import type { Bounded } from '../http/deadline.ts'
import { readForm } from '../http/form.ts'
import type { RouteResponse } from '../http/response.ts'
import { text, validate } from '../http/validation.ts'
import type { Route, RouteRequest } from '../server/route.ts'
import { readChoices, readRefused, refusedQuery } from './read-refusals.ts'
import { refusedMain, refusedPath } from './refused-page.ts'

export type RefusalDeps = { database: Database; bounded: Bounded; limited: Limited; changes: Changes }

const pathForm = z.object({
  ...{ source: id, path: text(10_000).min(1) },
  back: text(5000).optional().describe('The page that the form is on.'),
})
const ignoreForm = pathForm.extend({ reason: text(500).min(1) })

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
    {
      ...{ method: 'post', path: `${refusedPath}/ignore`, role: 'desk' },
      doc: {
        summary: 'Ignores a path of a source: what is refused there no longer counts.',
        ...{ form: ignoreForm, responses: { 303: goesBack } },
      },
      async handle(request: RouteRequest, session: Session): Promise<RouteResponse> {
        const { back = refusedPath, ...asked } = await readForm(ignoreForm, request)
        const payload = { ...asked, ignored: true }
        return goBack(back, await askFor(deps.changes, session, 'normalizer.path.ignore', payload, request))
      },
    },
    {
      ...{ method: 'post', path: `${refusedPath}/count`, role: 'desk' },
      doc: {
        summary: 'Ends ignoring a path of a source.',
        ...{ form: pathForm, responses: { 303: goesBack } },
      },
      async handle(request: RouteRequest, session: Session): Promise<RouteResponse> {
        const { back = refusedPath, ...asked } = await readForm(pathForm, request)
        const payload = { ...asked, ignored: false }
        return goBack(back, await askFor(deps.changes, session, 'normalizer.path.ignore', payload, request))
      },
    },
  ]
}

function showRefused({ database, bounded, limited, changes }: RefusalDeps) {
  return async (request: RouteRequest, session: Session): Promise<RouteResponse> => {
    const query = validate(refusedQuery, given(request.query), 'query')
    const [groups, choices, zone, said] = await Promise.all([
      orUnavailable(bounded(limited(() => readRefused(database, query)))),
      orUnavailable(bounded(readChoices(database))),
      bounded(readZone(database, session, request.headers.cookie)),
      readNotice(changes, session, query.change),
    ])
    const main = refusedMain({ query, groups, choices, said, zone })
    return showPage({ title: 'Refused', main, viewer: session, desk: 'refused', zone, width: 'wide' })
  }
}
