import { z } from 'zod'
import type { Mark, Series } from '#runtime/chart/read-series.ts'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { dayMs } from '#runtime/text/time.ts'
import { firstPage } from '../http/cursor.ts'
import { type CompanyDetail, type ItemNumbers, readItemNumbers, readName, readSources } from '../ask/company.ts'
import type { Viewer } from '../access/viewer.ts'
import { listSeries } from '../ask/list-series.ts'
import { id } from '../ask/parameters.ts'
import { type NewsPage, newsQuery, readNews } from '../ask/news.ts'
import type { Change } from '../growth/grow.ts'
import { type Disturbance, readDisturbances } from '../growth/read-disturbances.ts'
import { readGrowth } from '../growth/read-growth.ts'
import { readMarks } from '../growth/read-marks.ts'
import { readRecent } from '../growth/read-recent.ts'
import { idOfSeries } from '../growth/series-id.ts'
import { shade } from '../growth/shade.ts'
import { endOfTime } from './series-window.ts'
import { nameOf } from './words.ts'

/** How much of a company a page shows. */
const most = { panels: 12, best: 3, moved: 10, news: 20, marks: 200, values: 160, series: 100, counted: 5000 }
/** Changes of listed series, in days. */
const growthDays = 30
/** What matters is looked for in so many days. */
export const bestDays = 30

export const spans = [90, 365, 1095] as const

export const companyPageQuery = z.object({
  days: z.enum(spans.map(String) as [`${(typeof spans)[number]}`]).default('365'),
  source: id.optional().describe('Lists its series.'),
  change: z.uuid().optional().describe('A change that was just asked for, whose outcome the page says.'),
})

export type News = NewsPage['news'][number]
export type SeriesRow = Awaited<ReturnType<typeof listSeries>>['series'][number]

export type CompanyView = {
  company: Pick<CompanyDetail, 'id' | 'name' | 'description' | 'sources'>
  /** How many series of no list item each source has, by its id. */
  counts: ReadonlyMap<number, number>
  /** The newest that were told. */
  news: readonly News[]
  /** The most important of the last `bestDays`, or none. */
  best: readonly News[]
  /** List items that appeared or are gone, the newest first. */
  moved: readonly News[]
  /** The numbers of list items, by one measurement; null: there are none. */
  items: ItemNumbers | null
  panels: readonly (Series & { seriesId: string })[]
  from: number
  to: number
  /** The series of the source that was asked for; null: of none. */
  listed: { source: number; series: readonly SeriesRow[]; growth: ReadonlyMap<string, Change>; hasMore: boolean } | null
  /** Null: who looks is no person. */
  person: Standing | null
}

/** How a person stands to a company. `mutes`: those of the whole company. */
export type Standing = {
  follows: boolean
  followsBucket: boolean
  mutes: readonly Mute[]
}

/** `until`: ms since 1970; null: until the person ends it. */
export const muteRow = z.object({ id: z.int(), until: z.number().nullable(), untilWorse: z.boolean() })
export type Mute = z.output<typeof muteRow>

/** Null: there is none with this id, or the viewer may not read it. */
export async function readCompanyPage(
  database: Database,
  viewer: Viewer,
  id: number,
  { days, source }: Pick<z.output<typeof companyPageQuery>, 'days' | 'source'>,
  now: number,
): Promise<CompanyView | null> {
  const read = (changed: object) =>
    readNews(database, viewer, newsQuery.parse({ company: String(id), ...changed }), firstPage)
  const [company, sources, series, news, best, listed, person, items] = await Promise.all([
    readName(database, viewer, id),
    readSources(database, viewer, id),
    outlineSeries(database, id),
    read({ limit: String(most.news) }),
    read({ order: 'best', since: new Date(now - bestDays * dayMs).toISOString(), limit: String(most.best) }),
    source === undefined ? null : readListed(database, viewer, id, source),
    readStanding(database, viewer, id),
    readItemNumbers(database, id),
  ])
  if (company === null) return null
  const leading = series.filter(({ type }) => type === 'int' || type === 'float').slice(0, most.panels)
  const seriesIds = leading.map(({ series_id }) => series_id)
  const to = endOfTime(newestOf(leading), now)
  const from = to - Number(days) * dayMs
  const since = new Date(from).toISOString()
  const [points, marks, disturbances, appeared, gone] = await Promise.all([
    readRecent(database, seriesIds, { since: from, now: to, steps: most.values }),
    readMarks(database, seriesIds, { company: id, since: from, most: most.marks }),
    readDisturbances(database, { company: id }, from),
    read({ kind: 'appeared', silent: 'any', since, limit: String(most.moved) }),
    read({ kind: 'gone', silent: 'any', since, limit: String(most.moved) }),
  ])
  // Of a company with one subject, its name, often a long address, says nothing.
  const hasSubjects = new Set(series.map(({ subject }) => subject)).size > 1
  const panels = leading.map((one) => ({
    ...toPanel(one, points.get(one.series_id) ?? [], marks.get(one.series_id) ?? [], disturbances, to),
    title: [one.name, ...(hasSubjects && one.subject !== null ? [one.subject] : [])]
      .map((name) => nameOf(name))
      .join(' · '),
  }))
  return {
    ...{
      company: { ...company, sources: [...sources] },
      news: news.news,
      best: best.news,
      listed,
      person,
      items,
      from,
      to,
    },
    counts: new Map([...Map.groupBy(series, ({ source }) => source)].map(([source, its]) => [source, its.length])),
    moved: [...appeared.news, ...gone.news]
      .toSorted((a, b) => (a.observed_at < b.observed_at ? 1 : -1))
      .slice(0, most.moved),
    panels: panels.filter(({ points }) => points.length > 0),
  }
}

/** As the series say it: what is known of their sources follows a moment later. */
function newestOf(series: readonly { at: number }[]): number | null {
  return series.length === 0 ? null : Math.max(...series.map(({ at }) => at))
}

const outlineRow = z.object({
  series_id: z.string(),
  source: z.int(),
  name: z.string().nullable(),
  type: z.string(),
  subject: z.string().nullable(),
  at: z.number(),
})

/** Series of no list item: first those that readers care for most, of them those with the most values. */
function outlineSeries(database: Database, company: number) {
  return database.any(sql.type(outlineRow)`
    SELECT ${idOfSeries} AS series_id, s.data_source_id AS source, s.measurement_name AS name, s.type,
      nullif(s.subject_key, '') AS subject, (extract(epoch FROM s.observed_at) * 1000)::float8 AS at
    FROM analyzer.series_view s LEFT JOIN analyzer.meaning_view k USING (source_measurement_id)
    WHERE s.company_id = ${company} AND s.item_key IS NULL
    ORDER BY coalesce(k.weight, 0) DESC, coalesce(s.points, 0) DESC, s.company_measurement_id, s.subject_key
    LIMIT ${most.counted}`)
}

function toPanel(
  { series_id, source }: z.output<typeof outlineRow>,
  points: Series['points'],
  marks: readonly Mark[],
  disturbances: readonly Disturbance[],
  now: number,
): Omit<CompanyView['panels'][number], 'title'> {
  const times = points.map(({ at }) => at)
  return {
    ...{ seriesId: series_id, points, marks: [...marks] },
    shades: shade(
      disturbances.filter(({ sourceId }) => sourceId === source),
      times,
      now,
    ),
  }
}

async function readListed(database: Database, viewer: Viewer, company: number, source: number) {
  const query = { company, source, items: 'false', limit: most.series } as const
  const [{ series, next }, growth] = await Promise.all([
    listSeries(database, viewer, query, firstPage),
    readGrowth(
      database,
      sql.fragment`
        SELECT ${idOfSeries} AS series_id, s.company_id, s.source_measurement_id, s.company_measurement_id,
          s.subject_key AS subject_id, s.item_key AS item_id, s.observed_at
        FROM analyzer.series_view s
        WHERE s.company_id = ${company} AND s.data_source_id = ${source} AND s.item_key IS NULL
          AND s.type IN ('int', 'float')
        ORDER BY s.company_measurement_id, ${idOfSeries} LIMIT ${most.series}`,
      [growthDays],
    ),
  ])
  const changes = growth.flatMap(({ seriesId, changes: [change] }) => (change ? [[seriesId, change] as const] : []))
  return { source, series, growth: new Map(changes), hasMore: next !== null }
}

const standingRow = z.object({
  follows: z.boolean(),
  follows_bucket: z.boolean(),
  mutes: z.array(muteRow),
})

async function readStanding(database: Database, { userId }: Viewer, company: number): Promise<Standing | null> {
  if (userId === null) return null
  const { follows, follows_bucket, mutes } = await database.one(sql.type(standingRow)`
    SELECT
      EXISTS (SELECT FROM public.company_subscription WHERE user_id = ${userId} AND company_id = ${company})
        OR EXISTS (SELECT FROM public.news_subscription WHERE user_id = ${userId} AND company_id = ${company})
        OR EXISTS (SELECT FROM notifier.person_subscription_view WHERE user_id = ${userId} AND company_id = ${company})
        AS follows,
      EXISTS (
        SELECT FROM notifier.person_subscription_view s
        JOIN public.company_bucket_membership i ON i.bucket_id = s.bucket_id
        WHERE s.user_id = ${userId} AND i.company_id = ${company}
      ) AS follows_bucket,
      (SELECT coalesce(json_agg(json_build_object('id', mute_id, 'until', extract(epoch FROM until) * 1000,
          'untilWorse', worse_than IS NOT NULL)), '[]')
        FROM notifier.person_mute_view
        WHERE user_id = ${userId} AND company_id = ${company} AND bucket_id IS NULL AND data_source_id IS NULL
          AND source_measurement_id IS NULL AND subject_key IS NULL AND below IS NULL) AS mutes`)
  return { follows, followsBucket: follows_bucket, mutes }
}
