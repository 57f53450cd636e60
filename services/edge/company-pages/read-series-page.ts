import { z } from 'zod'
import type { Point, Series } from '#runtime/chart/read-series.ts'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { firstPage } from '../http/cursor.ts'
import type { Viewer } from '../access/viewer.ts'
import { type NewsPage, newsQuery, readNews } from '../ask/news.ts'
import { disturbancesOf, readSeries, type SeriesDetail } from '../ask/one-series.ts'
import type { Polarity } from '../growth/grow.ts'
import { bandOf, shade } from '../growth/shade.ts'
import { type Shown, windowOf, windowQuery } from './series-window.ts'
import { nameOf } from './words.ts'

/** Values that a page reads, and news items that it marks. */
const most = { points: 2000, marks: 200 }

export const seriesPageQuery = windowQuery.extend({
  change: z.uuid().optional().describe('A change that was just asked for, whose outcome the page says.'),
})

export type SeriesView = {
  series: SeriesDetail
  shown: Shown
  /** News items of the time shown. */
  news: NewsPage['news']
  /** Null: its values are neither numbers nor dates. */
  chart: Series | null
  /** Older values of the time shown are left out. */
  isCut: boolean
  polarity: Polarity
}

/** Null: there is none with this id, or the viewer may not read it. */
export async function readSeriesPage(
  database: Database,
  viewer: Viewer,
  id: string,
  query: z.output<typeof seriesPageQuery>,
  now: number,
): Promise<SeriesView | null> {
  const newest = await readSeries(database, viewer, id, { limit: 1 }, firstPage)
  if (newest === null) return null
  const shown = windowOf(query, newest.observed_at === null ? null : Date.parse(newest.observed_at), now)
  const period = {
    ...(shown.from !== null && { since: new Date(shown.from).toISOString() }),
    until: new Date(shown.to).toISOString(),
  }
  const asked = newsQuery.parse({ series: id, silent: 'any', ...period, limit: String(most.marks) })
  const [series, { news }, polarity] = await Promise.all([
    readSeries(database, viewer, id, { ...period, limit: most.points }, firstPage),
    readNews(database, viewer, asked, firstPage),
    readPolarity(database, newest.measurement.id),
  ])
  if (series === null) return null
  return { series, shown, news, polarity, chart: toChart(series, news, shown, now), isCut: series.next !== null }
}

async function readPolarity(database: Database, measurement: number): Promise<Polarity> {
  const found = await database.maybeOneFirst(sql.type(z.object({ polarity: z.enum(['good', 'bad', 'neither']) }))`
    SELECT polarity FROM analyzer.meaning_view WHERE source_measurement_id = ${measurement}`)
  return found ?? 'neither'
}

/** The picture of a series of numbers or dates; null for others, which have no size. */
export function toChart(
  series: SeriesDetail,
  news: NewsPage['news'],
  { from, to, isNewest }: Shown,
  now: number,
): Series | null {
  const { type } = series.measurement
  if (!['int', 'float', 'date'].includes(type)) return null
  const points = series.points.map((point): Point => ({
    at: Date.parse(point.observed_at),
    value: sizeOf(point.value, type),
  }))
  const forecast = isNewest
    ? series.forecast.flatMap((one) =>
        bandOf({ ...one, for_time: Date.parse(one.for_time), made_at: Date.parse(one.made_at) }),
      )
    : []
  const times = points.map(({ at }) => at)
  return {
    title: titleOf(series),
    ...(type === 'date' && { unit: 'date' as const }),
    ...{ points, forecast, shades: shade(disturbancesOf(series), times, now) },
    marks: news.filter(({ silent }) => !silent).map((one) => ({ at: Date.parse(one.observed_at), text: one.title })),
    ...(from !== null && { from }),
    to: Math.max(to, ...forecast.map(({ at }) => at)),
  }
}

function sizeOf(value: SeriesDetail['points'][number]['value'], type: string): number | null {
  if (typeof value === 'number') return value
  const at = type === 'date' && typeof value === 'string' ? Date.parse(value) : NaN
  // What no picture can show has no place in it; the table has it.
  return at >= Date.UTC(1000, 0, 2) && at <= Date.UTC(9999, 11, 30) ? at : null
}

/** A series by company, measurement and list item. The subject, often a long address, stands in its own place. */
export function titleOf({
  company,
  measurement,
  item,
}: Pick<SeriesDetail, 'company' | 'measurement' | 'item'>): string {
  const parts = [nameOf(measurement.name), ...(item === null ? [] : [nameOf(item)])]
  return `${nameOf(company.name)}: ${[...new Set(parts)].join(' · ')}`
}
