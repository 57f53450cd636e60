import { z } from 'zod'
import type { Limited } from '#runtime/calls/limit-work.ts'
import type { Database } from '#runtime/postgres/database.ts'
import type { Session } from '../access/sessions.ts'
import { id } from '../ask/parameters.ts'
import { orUnavailable } from '../ask/respond.ts'
import { nameOf } from '../company-pages/words.ts'
import { notThere } from '../console/changes.ts'
import { given } from '../console/news-query.ts'
import { asPage, messagePage, showPage } from '../design/layout.ts'
import { readZone } from '../design/zone.ts'
import type { Bounded } from '../http/deadline.ts'
import type { RouteResponse } from '../http/response.ts'
import { validate } from '../http/validation.ts'
import type { Route, RouteRequest } from '../server/route.ts'
import { freshnessMain } from './freshness-page.ts'
import { freshnessPath, freshnessQuery, readFreshness } from './read-freshness.ts'
import { readSourceView, sourcePageQuery } from './read-source.ts'
import { readSourcesPage, sourcesPageQuery, sourcesPath } from './read-sources.ts'
import { sourceMain } from './source-page.ts'
import { sourcesMain } from './sources-page.ts'

export type SourcePagesDeps = { database: Database; bounded: Bounded; limited: Limited }

const sourceParams = z.object({ source_id: id })

const wrongCursor = { 400: { description: 'The address of another page of the list.' } }

/** The desk's pages about sources, for operators. */
export function sourcePageRoutes(deps: SourcePagesDeps): Route[] {
  return [sourcesRoute(deps), sourceRoute(deps), freshnessRoute(deps)]
}

function sourcesRoute({ database, bounded, limited }: SourcePagesDeps): Route {
  return {
    ...{ method: 'get', path: sourcesPath, role: 'desk' },
    doc: {
      summary: 'Sources: how they are, their last runs, their plans.',
      query: sourcesPageQuery,
      responses: { 200: asPage('The page.'), ...wrongCursor },
    },
    async handle(request: RouteRequest, viewer: Session): Promise<RouteResponse> {
      const query = validate(sourcesPageQuery, given(request.query), 'query')
      const [view, zone] = await Promise.all([
        orUnavailable(bounded(limited(() => readSourcesPage(database, query)))),
        bounded(readZone(database, viewer, request.headers.cookie)),
      ])
      const main = sourcesMain({ query, view, zone, now: Date.now() })
      return showPage({ viewer, title: 'Sources', main, desk: 'sources', zone, width: 'wide' })
    },
  }
}

function sourceRoute({ database, bounded, limited }: SourcePagesDeps): Route {
  return {
    ...{ method: 'get', path: `${sourcesPath}/:source_id`, role: 'desk' },
    doc: {
      summary: 'A source: its runs with what they fed, missed slots, drift, refused values.',
      ...{ params: sourceParams, query: sourcePageQuery },
      responses: { 200: asPage('The page.'), 404: notThere, ...wrongCursor },
    },
    async handle(request: RouteRequest, viewer: Session): Promise<RouteResponse> {
      const { source_id } = validate(sourceParams, request.params, 'path')
      const query = validate(sourcePageQuery, given(request.query), 'query')
      const [view, zone] = await Promise.all([
        orUnavailable(bounded(limited(() => readSourceView(database, source_id, query)))),
        bounded(readZone(database, viewer, request.headers.cookie)),
      ])
      if (view === null) return noSource(viewer)
      const main = sourceMain({ view, zone, now: Date.now(), acts: null })
      const title = nameOf(view.source.name, `source ${source_id}`)
      return showPage({ viewer, title, main, desk: 'sources', zone, width: 'wide' })
    },
  }
}

/** For a source that was deleted, also while its page was open. */
function noSource(viewer: Session): RouteResponse {
  return messagePage(404, 'Source not found', 'It was deleted, or never existed. Nothing was changed.', {
    viewer,
    next: { text: 'Go to the sources', href: sourcesPath },
  })
}

function freshnessRoute({ database, bounded, limited }: SourcePagesDeps): Route {
  return {
    ...{ method: 'get', path: freshnessPath, role: 'desk' },
    doc: {
      summary: 'How fresh the data of companies is, by source.',
      query: freshnessQuery,
      responses: { 200: asPage('The page.'), ...wrongCursor },
    },
    async handle(request: RouteRequest, viewer: Session): Promise<RouteResponse> {
      const query = validate(freshnessQuery, given(request.query), 'query')
      const now = Date.now()
      const view = await orUnavailable(bounded(limited(() => readFreshness(database, query, now))))
      const main = freshnessMain({ query, view, now })
      return showPage({ viewer, title: 'Freshness', main, desk: 'freshness', width: 'wide' })
    },
  }
}
