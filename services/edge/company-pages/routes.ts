import { includesRole } from '#runtime/changes/roles.ts'
import type { Limited } from '#runtime/calls/limit-work.ts'
import type { Log } from '#runtime/process/log.ts'
import type { Session } from '../access/sessions.ts'
import { companyColumns, flattenCompany } from '../ask/companies.ts'
import { companyParams } from '../ask/company.ts'
import { readSeriesHead } from '../ask/one-series.ts'
import { linkNext, orUnavailable } from '../ask/respond.ts'
import { notThere, readNotice } from '../console/changes.ts'
import { given } from '../console/news-query.ts'
import { html } from '../design/html.ts'
import { asPage, messagePage, showPage } from '../design/layout.ts'
import { readZone } from '../design/zone.ts'
import { csvType, writeCsv } from '../http/csv.ts'
import { file, type RouteResponse } from '../http/response.ts'
import { validate } from '../http/validation.ts'
import type { Route, RouteDoc, RouteRequest } from '../server/route.ts'
import type { TrialDeps } from '../rule-trial/ask.ts'
import { type ActDeps, actRoutes, seriesParams } from './acts.ts'
import { companyMain } from './company-page.ts'
import { openDraw } from './pictures.ts'
import { companyPageQuery, readCompanyPage } from './read-company-page.ts'
import { readSeriesPage, seriesPageQuery, titleOf } from './read-series-page.ts'
import { readWatchlist, readWatchlistFile, watchlistQuery } from './read-watchlist.ts'
import { seriesMain } from './series-page.ts'
import { tryRuleHere } from './try-rule-here.ts'
import { watchlistMain } from './watchlist-page.ts'
import { nameOf } from './words.ts'

export type CompanyPagesDeps = ActDeps & TrialDeps & { log: Log; limited: Limited }

/** The pages about companies and their series, for whoever has signed in. */
export function companyPageRoutes(deps: CompanyPagesDeps): Route[] {
  return [watchlistRoute(deps), companyRoute(deps), seriesRoute(deps), ...actRoutes(deps)]
}

function watchlistRoute({ database, bounded, limited }: CompanyPagesDeps): Route {
  return {
    ...{ method: 'get', path: '/console/watchlist', role: 'person' },
    doc: {
      summary: 'Companies and what their measurements say, as a table that every column can sort.',
      query: watchlistQuery,
      responses: {
        200: { ...asPage('The page.'), alternative: csvType },
        400: { description: 'The address of another page of the list.' },
        404: { description: 'No bucket with this id is known.' },
      },
    },
    async handle(request: RouteRequest, session: Session): Promise<RouteResponse> {
      const query = validate(watchlistQuery, given(request.query), 'query')
      if (query.format === 'csv') {
        const page = await orUnavailable(bounded(limited(() => readWatchlistFile(database, session, query))))
        const next = linkNext('/console/watchlist', request.query, page.next)
        const rows = page.companies.flatMap(flattenCompany)
        return file(csvType, writeCsv(companyColumns, rows), { 'cache-control': 'no-store', ...next })
      }
      const now = Date.now()
      const view = await orUnavailable(bounded(limited(() => readWatchlist(database, session, query, now))))
      const main = watchlistMain({ query, view, now, isPerson: session.userId !== null })
      return showPage({ viewer: session, title: 'Watchlist', main, section: 'watchlist', width: 'wide' })
    },
  }
}

function companyRoute({ database, bounded, limited, changes, log }: CompanyPagesDeps): Route {
  return {
    ...{ method: 'get', path: '/console/companies/:company_id', role: 'person' },
    doc: pageDoc('A company: what matters, its series in pictures, its lists, sources and news items.', {
      params: companyParams,
      query: companyPageQuery,
    }),
    async handle(request: RouteRequest, session: Session): Promise<RouteResponse> {
      const { company_id } = validate(companyParams, request.params, 'path')
      const query = validate(companyPageQuery, given(request.query), 'query')
      const now = Date.now()
      const [view, zone, said] = await Promise.all([
        orUnavailable(bounded(limited(() => readCompanyPage(database, session, company_id, query, now)))),
        bounded(readZone(database, session, request.headers.cookie)),
        readNotice(changes, session, query.change),
      ])
      if (view === null) return gone('company', session)
      const draw = openDraw(log, `company ${company_id}`, zone)
      const main = html`${said}${companyMain({ view, days: query.days, zone, now, draw })}`
      return showPage({ viewer: session, title: nameOf(view.company.name), main, zone, width: 'wide' })
    },
  }
}

function seriesRoute(deps: CompanyPagesDeps): Route {
  const { database, bounded, limited, changes, log } = deps
  return {
    ...{ method: 'get', path: '/console/series/:series_id', role: 'person' },
    doc: pageDoc(
      'A series: its picture with forecast and news items, its growth and its values, and what a rule would have told.',
      {
        params: seriesParams,
        query: seriesPageQuery,
      },
    ),
    async handle(request: RouteRequest, session: Session): Promise<RouteResponse> {
      const { series_id } = validate(seriesParams, request.params, 'path')
      const query = validate(seriesPageQuery, given(request.query), 'query')
      const head = await orUnavailable(bounded(readSeriesHead(database, session, series_id)))
      if (head === null) return gone('series', session)
      const [view, zone, said] = await Promise.all([
        orUnavailable(bounded(limited(() => readSeriesPage(database, session, head, query, Date.now())))),
        bounded(readZone(database, session, request.headers.cookie)),
        readNotice(changes, session, query.change),
      ])
      const draw = openDraw(log, `series ${series_id}`, zone)
      const mayChange = includesRole(session.role, 'operator')
      const trial = await tryRuleHere(deps, session, { query, head, view, zone, draw }, request.traceparent)
      const main = html`${said}${seriesMain({ view, days: query.days, zone, draw, mayChange, trial })}`
      return showPage({ viewer: session, title: titleOf(view.series), main, zone, width: 'wide' })
    },
  }
}

function pageDoc(summary: string, input: Pick<RouteDoc, 'params' | 'query'>): RouteDoc {
  return {
    ...{ summary, ...input },
    responses: {
      200: asPage('The page.'),
      404: notThere,
    },
  }
}

/** What was deleted and what the person may not see look alike. */
function gone(what: 'company' | 'series', viewer: Session): RouteResponse {
  return messagePage(
    404,
    what === 'company' ? 'Company not found' : 'Series not found',
    'It was deleted, or you may not see it. People see the companies of their buckets and those that they follow.',
    { viewer, next: { text: 'Go to the watchlist', href: '/console/watchlist' } },
  )
}
