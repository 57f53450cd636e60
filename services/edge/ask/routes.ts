import type { z } from 'zod'
import type { Limited } from '#runtime/calls/limit-work.ts'
import type { Database } from '#runtime/postgres/database.ts'
import type { Asked } from '../http/cursor.ts'
import { type Cell, writeCsv } from '../http/csv.ts'
import type { Bounded } from '../http/deadline.ts'
import { json, type RouteResponse } from '../http/response.ts'
import { validate } from '../http/validation.ts'
import type { Route, RouteRequest } from '../server/route.ts'
import { companiesPage, companiesQuery, companyColumns, flattenCompany, listCompanies } from './companies.ts'
import { companyDetail, companyParams, readCompany } from './company.ts'
import { flattenSeries, listSeries, seriesColumns, seriesPage, seriesQuery } from './list-series.ts'
import type { Viewer } from '../access/viewer.ts'
import { flattenNews, newsColumns, newsPage, newsQuery, readNews } from './news.ts'
import { flattenPoint, pointColumns, pointsQuery, readSeries, seriesDetail, seriesParams } from './one-series.ts'
import { answerPage, notFound, orUnavailable, pageDocs, wantsCsv } from './respond.ts'
import { search, searchQuery, searchResult } from './search.ts'
import { flattenSource, listSources, sourceColumns, sourcesPage, sourcesQuery } from './sources.ts'

export type AskDeps = {
  database: Database
  bounded: Bounded
  /** Limits how many large reads run at once, because payloads come in beside them. */
  limited: Limited
}

/** The routes that read: news items, companies, series, sources, search. */
export function askRoutes(deps: AskDeps): Route[] {
  return [
    listRoute(deps, {
      name: 'news',
      summary: 'News items, the newest or the best first. Those that are withheld are left out.',
      query: newsQuery,
      page: newsPage,
      read: readNews,
      columns: newsColumns,
      rows: ({ news }) => news.map(flattenNews),
      unknown: 'No bucket with this id is known.',
    }),
    listRoute(deps, {
      name: 'companies',
      summary: 'Companies with their growth, their ranks among each other, and their momentum.',
      query: companiesQuery,
      page: companiesPage,
      read: listCompanies,
      columns: companyColumns,
      rows: ({ companies }) => companies.flatMap(flattenCompany),
      unknown: 'No bucket with this id is known.',
    }),
    companyRoute(deps),
    listRoute(deps, {
      name: 'series',
      summary: 'Series: each with its newest value, and how the detectors judge it.',
      query: seriesQuery,
      page: seriesPage,
      read: listSeries,
      columns: seriesColumns,
      rows: ({ series }) => series.map(flattenSeries),
    }),
    seriesRoute(deps),
    listRoute(deps, {
      name: 'sources',
      summary: 'Data sources with their newest runs and their health.',
      query: sourcesQuery,
      page: sourcesPage,
      read: listSources,
      columns: sourceColumns,
      rows: ({ sources }) => sources.map(flattenSource),
    }),
    searchRoute(deps),
  ]
}

type List<Q extends z.ZodObject, P extends { next: string | null }, N extends string> = {
  name: string
  summary: string
  query: Q
  page: z.ZodType<P>
  read(database: Database, viewer: Viewer, query: z.output<Q>, asked: Asked): Promise<P>
  columns: readonly N[]
  rows(page: P): readonly Readonly<Record<N, Cell>>[]
  /** What a 404 means. */
  unknown?: string
}

/** A list with pages, as JSON or CSV. */
function listRoute<
  Q extends z.ZodObject<{ format: z.ZodType<'json' | 'csv' | undefined> }>,
  P extends { next: string | null },
  N extends string,
>(
  { database, bounded, limited }: AskDeps,
  { name, summary, query, page, read, columns, rows, unknown }: List<Q, P, N>,
): Route {
  const path = `/api/v1/${name}`
  return {
    ...{ method: 'get', path, role: 'viewer' },
    doc: { summary, query, responses: pageDocs('A page.', page, unknown) },
    async handle(request: RouteRequest, viewer: Viewer): Promise<RouteResponse> {
      const parameters = validate(query, request.query, 'query')
      const found = await orUnavailable(
        bounded(limited(() => read(database, viewer, parameters, { route: path, parameters }))),
      )
      const isCsv = wantsCsv(request, parameters.format)
      return answerPage(request, path, found, isCsv ? () => writeCsv(columns, rows(found)) : null)
    },
  }
}

function companyRoute({ database, bounded, limited }: AskDeps): Route {
  return {
    ...{ method: 'get', path: '/api/v1/companies/:company_id', role: 'viewer' },
    doc: {
      summary: 'One company: its sources, series with their growth, list items and news items.',
      params: companyParams,
      responses: {
        200: { description: 'The company.', schema: companyDetail },
        404: { description: 'No company with this id is known.' },
      },
    },
    async handle(request: RouteRequest, viewer: Viewer): Promise<RouteResponse> {
      const { company_id } = validate(companyParams, request.params, 'path')
      const found = await orUnavailable(bounded(limited(() => readCompany(database, viewer, company_id))))
      if (found === null) throw notFound('company', 'GET /api/v1/companies')
      return json(200, found)
    },
  }
}

function seriesRoute({ database, bounded, limited }: AskDeps): Route {
  return {
    ...{ method: 'get', path: '/api/v1/series/:series_id', role: 'viewer' },
    doc: {
      summary: 'One series: its values, forecast, growth and news items. `.csv` at the end of the path gives a file.',
      params: seriesParams,
      query: pointsQuery,
      responses: pageDocs('A page of values.', seriesDetail, 'No series with this id is known.'),
    },
    async handle(request: RouteRequest, viewer: Viewer): Promise<RouteResponse> {
      const { series_id } = validate(seriesParams, request.params, 'path')
      const parameters = validate(pointsQuery, request.query, 'query')
      const id = series_id.replace('.csv', '')
      const asked = { route: `/api/v1/series/${id}`, parameters }
      const found = await orUnavailable(bounded(limited(() => readSeries(database, viewer, id, parameters, asked))))
      if (found === null) throw notFound('series', 'GET /api/v1/series')
      const isCsv = series_id !== id || wantsCsv(request, parameters.format)
      const csv = () => writeCsv(pointColumns, found.points.map(flattenPoint))
      return answerPage(request, `/api/v1/series/${series_id}`, found, isCsv ? csv : null)
    },
  }
}

function searchRoute({ database, bounded }: AskDeps): Route {
  return {
    ...{ method: 'get', path: '/api/v1/search', role: 'viewer' },
    doc: {
      summary: 'Companies, buckets, sources and measurements by name.',
      query: searchQuery,
      responses: { 200: { description: 'What has these words in its name.', schema: searchResult } },
    },
    async handle(request: RouteRequest, viewer: Viewer): Promise<RouteResponse> {
      const query = validate(searchQuery, request.query, 'query')
      return json(200, await orUnavailable(bounded(search(database, viewer, query))))
    },
  }
}
