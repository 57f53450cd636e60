import type { Limited } from '#runtime/calls/limit-work.ts'
import type { Session } from '../access/sessions.ts'
import { orUnavailable } from '../ask/respond.ts'
import { nameOf } from '../company-pages/words.ts'
import { notThere, readNotice } from '../console/changes.ts'
import { given } from '../console/news-query.ts'
import { html } from '../design/html.ts'
import { asPage, showPage } from '../design/layout.ts'
import { readZone } from '../design/zone.ts'
import type { RouteResponse } from '../http/response.ts'
import { validate } from '../http/validation.ts'
import type { Route, RouteRequest } from '../server/route.ts'
import { sourceActs } from './act-forms.ts'
import { type SourceActDeps, sourceActRoutes } from './acts.ts'
import { freshnessMain } from './freshness-page.ts'
import { freshnessPath, freshnessQuery, readFreshness } from './read-freshness.ts'
import { noSource, sourceParams } from './source-words.ts'
import { readSourceView, sourcePageQuery } from './read-source.ts'
import { readSourcesPage, sourcesPageQuery, sourcesPath } from './read-sources.ts'
import { sourceMain } from './source-page.ts'
import { sourcesMain } from './sources-page.ts'

export type SourcePagesDeps = SourceActDeps & { limited: Limited }

const wrongCursor = { 400: { description: 'The address of another page of the list.' } }

/** The desk's pages about sources, for operators. */
export function sourcePageRoutes(deps: SourcePagesDeps): Route[] {
  return [sourcesRoute(deps), sourceRoute(deps), ...sourceActRoutes(deps), freshnessRoute(deps)]
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

function sourceRoute({ database, bounded, limited, changes }: SourcePagesDeps): Route {
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
      const [view, zone, said] = await Promise.all([
        orUnavailable(bounded(limited(() => readSourceView(database, source_id, query)))),
        bounded(readZone(database, viewer, request.headers.cookie)),
        readNotice(changes, viewer, query.change),
      ])
      if (view === null) return noSource(viewer)
      const acts = html`${said}${sourceActs(view.source)}`
      const main = sourceMain({ view, zone, now: Date.now(), acts })
      const title = nameOf(view.source.name, `source ${source_id}`)
      return showPage({ viewer, title, main, desk: 'sources', zone, width: 'wide' })
    },
  }
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
