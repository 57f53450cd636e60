import { z } from 'zod'
import { drawSpark } from '#runtime/chart/draw-small.ts'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { dayMs } from '#runtime/text/time.ts'
import { type CompaniesPage, type CompaniesQuery, companiesQuery, listInOrder } from '../ask/companies.ts'
import type { Viewer } from '../access/viewer.ts'
import { maySeeBucket } from '../ask/may-read.ts'
import { id, words } from '../ask/parameters.ts'
import { mostMeasurements } from '../growth/compare.ts'
import { type Feed, judgeFeeds } from '../growth/freshness.ts'
import { leadingPart } from '../growth/order-companies.ts'
import { readFeeds } from '../growth/read-feeds.ts'
import { readRecent } from '../growth/read-recent.ts'

/** Rows of a page, and of a file. */
const most = { rows: 40, inFile: 1000 }
/** Measurements side by side, unless asked for, and at most: more do not fit a page. */
const columns = { usual: 3, most: 4 }
/** The line of a cell: at least so many days, of so many values. */
const line = { days: 90, values: 30 }

export const watchlistQuery = z.object({
  of: z
    .union([z.enum(['mine', 'all']), id])
    .default('mine')
    .describe('Companies: those that I follow, all that I may see, or those of the bucket with this id.'),
  q: words.optional().describe('Part of the name.'),
  measurements: companiesQuery.shape.measurements,
  add: id.optional().describe('One more measurement.'),
  days: companiesQuery.shape.days,
  sort: companiesQuery.shape.sort,
  direction: companiesQuery.shape.direction,
  cursor: companiesQuery.shape.cursor,
  format: z.enum(['csv']).optional(),
})

export type WatchlistQuery = z.output<typeof watchlistQuery>

type Company = CompaniesPage['companies'][number]
type Part = Company['growth'][number]
/** What a company's series of a column says. `more`: series of other subjects. `spark`: its line as SVG. */
export type WatchlistCell = Pick<Part, 'series_id' | 'value' | 'observed_at' | 'percent' | 'gap' | 'rank' | 'of'> & {
  more: number
  spark: string
}
export type WatchlistRow = Pick<Company, 'id' | 'name' | 'momentum'> & {
  freshness: ReturnType<typeof judgeFeeds>
  cells: (WatchlistCell | null)[]
}
type Choice = { id: number; name: string; source?: string | null }
export type Watchlist = {
  rows: WatchlistRow[]
  columns: CompaniesPage['compared']['measurements']
  /** All that fit the query. */
  companies: number
  isRanked: boolean
  /** They are too many for the order that was asked for. */
  isUnsorted: boolean
  next: string | null
  buckets: readonly Choice[]
  measurements: readonly Choice[]
}

/** The same question to the list of companies. */
export function toCompaniesQuery(query: WatchlistQuery, limit: number): CompaniesQuery {
  const { of, q, measurements, add, days, sort, direction, cursor } = query
  const wanted = [...new Set([...(measurements?.split(',') ?? []), ...(add === undefined ? [] : [String(add)])])]
  return {
    ...{ q, days, sort, direction, limit, cursor, format: undefined },
    bucket: typeof of === 'number' ? of : undefined,
    followed: of === 'mine' ? 'true' : undefined,
    // Of more than fit the newest choice is kept.
    measurements: wanted.length === 0 ? undefined : wanted.slice(-columns.most).join(','),
  }
}

const askedOf = (parameters: CompaniesQuery) => ({ route: '/console/watchlist', parameters })

/** Throws an HttpError: 400 for a wrong cursor, 404 for a bucket. */
export async function readWatchlist(
  database: Database,
  viewer: Viewer,
  query: WatchlistQuery,
  now: number,
): Promise<Watchlist> {
  const asked = toCompaniesQuery(query, most.rows)
  const [choices, { page, isUnsorted }] = await Promise.all([
    readChoices(database, viewer),
    listInOrder(database, viewer, asked, askedOf, columns.usual),
  ])
  const shown = page.compared.measurements.slice(0, columns.most)
  const leading = page.companies.map(({ growth }) => shown.map(({ id }) => leadingOf(growth, id)))
  const since = now - Math.max(line.days, Number(query.days)) * dayMs
  const [points, feeds] = await Promise.all([
    readRecent(
      database,
      leading.flat().flatMap((part) => part?.series_id ?? []),
      { since, now, steps: line.values },
    ),
    readFeeds(
      database,
      page.companies.map(({ id }) => id),
    ),
  ])
  const sparkOf = (seriesId: string) => drawSpark(points.get(seriesId) ?? [], { from: since, to: now })
  return {
    rows: page.companies.map(({ id, name, momentum, growth }, row) => ({
      ...{ id, name, momentum, freshness: judgeFeeds(feedsOf(feeds, id), now) },
      cells: (leading[row] ?? []).map((part) => part && toCell(part, growth, sparkOf(part.series_id))),
    })),
    ...{ columns: shown, companies: page.compared.companies, isRanked: page.compared.ranked, isUnsorted },
    ...{ next: page.next, ...choices },
  }
}

/** All companies that fit, up to the most that are ranked, as a page of the read API. */
export async function readWatchlistFile(database: Database, viewer: Viewer, query: WatchlistQuery) {
  return (await listInOrder(database, viewer, toCompaniesQuery(query, most.inFile), askedOf, columns.usual)).page
}

const feedsOf = (feeds: ReadonlyMap<number, readonly Feed[]>, id: number) => feeds.get(id) ?? []

function leadingOf(growth: readonly Part[], measurement: number): Part | null {
  const parts = growth.map((part) => ({
    ...{ part, measurementId: part.measurement.id, seriesId: part.series_id },
    newest: { at: 0, value: part.value },
  }))
  return leadingPart(parts, measurement)?.part ?? null
}

function toCell(part: Part, growth: readonly Part[], spark: string): WatchlistCell {
  const { series_id, value, observed_at, percent, gap, rank, of, measurement } = part
  const more = growth.filter((one) => one.measurement.id === measurement.id).length - 1
  return { series_id, value, observed_at, percent, gap, rank, of, more, spark }
}

const mostChoices = 200
const choiceRow = z.object({ id: z.int(), name: z.string(), source: z.string().nullable() })

/** The buckets that the viewer may see, and the measurements of numbers that readers care for most. */
async function readChoices(database: Database, viewer: Viewer): Promise<Pick<Watchlist, 'buckets' | 'measurements'>> {
  const [buckets, measurements] = await Promise.all([
    database.any(sql.type(choiceRow)`
      SELECT b.id, left(b.title, 200) AS name, NULL AS source FROM public.bucket b
      WHERE ${maySeeBucket(viewer, sql.fragment`b`)} ORDER BY lower(left(b.title, 200)), b.id LIMIT ${mostChoices}`),
    database.any(sql.type(choiceRow)`
      SELECT m.id, left(m.measurement_name, 200) AS name, left(d.source_name, 100) AS source
      FROM public.source_measurement m
      JOIN public.data_source d ON d.id = m.source_module_id
      LEFT JOIN analyzer.meaning_view k ON k.source_measurement_id = m.id
      WHERE m.type IN ('int', 'float') ORDER BY k.weight DESC NULLS LAST, m.id LIMIT ${mostChoices}`),
  ])
  return { buckets, measurements }
}

/** So many measurements can be compared at once. */
export const mostColumns = Math.min(columns.most, mostMeasurements)
