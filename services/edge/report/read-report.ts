import { z } from 'zod'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { firstPage } from '../http/cursor.ts'
import type { Viewer } from '../access/viewer.ts'
import { companiesQuery, listInOrder } from '../ask/companies.ts'
import { readCompany } from '../ask/company.ts'
import { maySeeBucket } from '../ask/may-read.ts'
import { type NewsPage, readNews } from '../ask/news.ts'
import { readSeries, type SeriesDetail } from '../ask/one-series.ts'
import type { BucketReport, CompanyReport } from './compose-report.ts'
import type { Period } from './report-parts.ts'

/** What a report holds at most. */
const most = { news: 50, series: 60, companies: 200, charts: 12, points: 5000 }

/** The best news items of a company or bucket in a period. */
async function readBest(
  database: Database,
  viewer: Viewer,
  of: { company: number } | { bucket: number },
  { from, to }: Period,
): Promise<NewsPage['news']> {
  const query = { silent: 'false', order: 'best', limit: most.news, since: isoOf(from), until: isoOf(to) } as const
  return (await readNews(database, viewer, { ...of, ...query }, firstPage)).news
}

const isoOf = (at: number) => new Date(at).toISOString()

/** The values of series in a period. One that is gone is left out. */
async function readPeriod(
  database: Database,
  viewer: Viewer,
  ids: readonly string[],
  { from, to }: Period,
): Promise<SeriesDetail[]> {
  const found: SeriesDetail[] = []
  const query = { since: isoOf(from), until: isoOf(to), limit: most.points }
  for (const id of ids) {
    const one = await readSeries(database, viewer, id, query, firstPage)
    if (one !== null) found.push(one)
  }
  return found
}

/** Null: there is no such company, or the viewer may not read it. */
export async function readCompanyReport(
  database: Database,
  viewer: Viewer,
  id: number,
  period: Period,
): Promise<Omit<CompanyReport, 'madeAt'> | null> {
  const company = await readCompany(database, viewer, id)
  if (company === null) return null
  const numeric = company.series.filter(({ measurement }) => ['int', 'float'].includes(measurement.type))
  const ids = numeric.slice(0, most.series).map(({ series_id }) => series_id)
  const [series, news] = [
    await readPeriod(database, viewer, ids, period),
    await readBest(database, viewer, { company: id }, period),
  ]
  return { company, series, news, period, leftOut: numeric.length - ids.length }
}

const titleRow = z.object({ title: z.string() })

/** Null: there is no such bucket, or the viewer may not see it. */
export async function readBucketReport(
  database: Database,
  viewer: Viewer,
  id: number,
  period: Period,
): Promise<Omit<BucketReport, 'madeAt'> | null> {
  const title = await database.maybeOneFirst(sql.type(titleRow)`
    SELECT b.title FROM public.bucket b WHERE b.id = ${id} AND ${maySeeBucket(viewer, sql.fragment`b`)}`)
  if (title === null) return null
  const query = { ...companiesQuery.parse({ bucket: String(id), sort: 'momentum' }), limit: most.companies }
  const { page } = await listInOrder(database, viewer, query, () => firstPage)
  // The best growth of each of the first companies.
  const ids = page.companies
    .flatMap(({ growth }) => growth.toSorted((a, b) => (a.rank ?? Infinity) - (b.rank ?? Infinity)).slice(0, 1))
    .slice(0, most.charts)
    .map(({ series_id }) => series_id)
  const series = await readPeriod(database, viewer, ids, period)
  return { title, page, series, news: await readBest(database, viewer, { bucket: id }, period), period }
}
