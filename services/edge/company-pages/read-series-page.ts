import { z } from 'zod'
import type { Point, Series } from '#runtime/chart/read-series.ts'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { firstPage } from '../http/cursor.ts'
import type { Viewer } from '../access/viewer.ts'
import { type NewsPage, newsQuery, readNews } from '../ask/news.ts'
import { disturbancesOf, readPast, type SeriesDetail, type SeriesHead } from '../ask/one-series.ts'
import type { Polarity } from '../growth/grow.ts'
import { bandOf, shade } from '../growth/shade.ts'
import { trialQuery } from '../rule-trial/query.ts'
import { type Mute, muteRow } from './read-company-page.ts'
import { type Shown, windowOf, windowQuery } from './series-window.ts'
import { nameOf } from './words.ts'

/** Values that a page reads, and news items that it marks. */
const most = { points: 2000, marks: 200 }

export const seriesPageQuery = windowQuery.extend({
  ...trialQuery,
  change: z.uuid().optional().describe('A change that was just asked for, whose outcome the page says.'),
})
export type SeriesPageQuery = z.output<typeof seriesPageQuery>

export type SeriesPast = Omit<SeriesDetail, 'news'>

export type SeriesView = {
  series: SeriesPast
  shown: Shown
  /** News items of the time shown. */
  news: NewsPage['news']
  /** Null: its values are neither numbers nor dates. */
  chart: Series | null
  /** Older values of the time shown are left out. */
  isCut: boolean
  polarity: Polarity
  /** Those of the person that are about this series alone; null: who looks is no person. */
  mutes: readonly Mute[] | null
}

/** What the page of a series shows, which the viewer may read. */
export async function readSeriesPage(
  database: Database,
  viewer: Viewer,
  head: SeriesHead,
  query: SeriesPageQuery,
  now: number,
): Promise<SeriesView> {
  const { series_id, observed_at } = head.series
  const shown = windowOf(query, observed_at === null ? null : Date.parse(observed_at), now)
  const period = {
    ...(shown.from !== null && { since: new Date(shown.from).toISOString() }),
    until: new Date(shown.to).toISOString(),
  }
  const asked = newsQuery.parse({ series: series_id, silent: 'any', ...period, limit: String(most.marks) })
  const [series, { news }, mutes] = await Promise.all([
    readPast(database, head, { ...period, limit: most.points }, firstPage),
    readNews(database, viewer, asked, firstPage),
    readMutes(database, viewer, head),
  ])
  const chart = toChart(series, news, shown, now)
  return { series, shown, news, polarity: head.polarity, chart, isCut: series.next !== null, mutes }
}

/** A series as mutes name it: what is of no list item has an empty one. */
export const keysOfMute = ({ series, keys }: SeriesHead) => ({
  ...{ company: series.company.id, measurement: series.measurement.id },
  ...{ subject_key: keys.subject_key, item_key: keys.item_key ?? '' },
})

async function readMutes(database: Database, { userId }: Viewer, head: SeriesHead): Promise<readonly Mute[] | null> {
  if (userId === null) return null
  const { company, measurement, subject_key, item_key } = keysOfMute(head)
  return database.any(sql.type(muteRow)`
    SELECT mute_id AS id, (extract(epoch FROM until) * 1000)::float8 AS until, worse_than IS NOT NULL AS "untilWorse"
    FROM notifier.person_mute_view
    WHERE user_id = ${userId} AND company_id = ${company} AND source_measurement_id = ${measurement}
      AND subject_key = ${subject_key} AND item_key = ${item_key} AND below IS NULL
    ORDER BY mute_id`)
}

/** The picture of a series of numbers or dates; null for others, which have no size. */
export function toChart(
  series: SeriesPast,
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
