import { z } from 'zod'
import type { Series } from '#runtime/chart/read-series.ts'
import { column } from '#runtime/postgres/column.ts'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { dayMs } from '#runtime/text/time.ts'
import { firstPage } from '../http/cursor.ts'
import { type CompanyDetail, readCompany } from '../ask/company.ts'
import type { Viewer } from '../access/viewer.ts'
import { listSeries } from '../ask/list-series.ts'
import { id } from '../ask/parameters.ts'
import { type NewsPage, newsQuery, readNews } from '../ask/news.ts'
import { type Disturbance, readDisturbances } from '../growth/read-disturbances.ts'
import { readRecent } from '../growth/read-recent.ts'
import { shade } from '../growth/shade.ts'
import { nameOf } from './words.ts'

/** How much of a company a page shows. */
const most = { panels: 12, best: 3, moved: 10, marks: 200, values: 160, series: 100 }
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
  company: CompanyDetail
  /** The most important of the last `bestDays`, or none. */
  best: readonly News[]
  /** List items that appeared or are gone, the newest first. */
  moved: readonly News[]
  panels: readonly (Series & { seriesId: string })[]
  from: number
  to: number
  /** The series of the source that was asked for; null: of none. */
  listed: { source: number; series: readonly SeriesRow[]; hasMore: boolean } | null
  /** Null: who looks is no person. */
  person: Standing | null
}

/** How a person stands to a company. `mutes`: those of the whole company. */
export type Standing = {
  follows: boolean
  followsBucket: boolean
  mutes: readonly { id: number; until: number | null }[]
}

/** Null: there is none with this id, or the viewer may not read it. */
export async function readCompanyPage(
  database: Database,
  viewer: Viewer,
  id: number,
  { days, source }: Pick<z.output<typeof companyPageQuery>, 'days' | 'source'>,
  now: number,
): Promise<CompanyView | null> {
  const company = await readCompany(database, viewer, id)
  if (company === null) return null
  const from = now - Number(days) * dayMs
  const read = (changed: object) =>
    readNews(database, viewer, newsQuery.parse({ company: String(id), ...changed }), firstPage)
  const since = new Date(from).toISOString()
  const leading = await chooseSeries(database, company)
  const seriesIds = leading.map(({ series_id }) => series_id)
  const [best, appeared, gone, told, points, disturbances, listed, person] = await Promise.all([
    read({ order: 'best', since: new Date(now - bestDays * dayMs).toISOString(), limit: String(most.best) }),
    read({ kind: 'appeared', silent: 'any', since, limit: String(most.moved) }),
    read({ kind: 'gone', silent: 'any', since, limit: String(most.moved) }),
    read({ since, limit: String(most.marks) }),
    readRecent(database, seriesIds, { since: from, now, steps: most.values }),
    readDisturbances(database, { company: id }, from),
    source === undefined ? null : readListed(database, viewer, id, source),
    readStanding(database, viewer, id),
  ])
  // Of a company with one subject, its name, often a long address, says nothing.
  const hasSubjects = new Set(company.series.map(({ subject }) => subject)).size > 1
  const panels = leading.map((one) => ({
    ...toPanel(one, points.get(one.series_id) ?? [], told.news, disturbances, now),
    title: [one.measurement.name, ...(hasSubjects && one.subject !== null ? [one.subject] : [])]
      .map((name) => nameOf(name))
      .join(' · '),
  }))
  return {
    ...{ company, best: best.news, listed, person, from, to: now },
    moved: [...appeared.news, ...gone.news]
      .toSorted((a, b) => (a.observed_at < b.observed_at ? 1 : -1))
      .slice(0, most.moved),
    panels: panels.filter(({ points }) => points.length > 0),
  }
}

const meaningRow = z.object({ id: z.int(), weight: z.number() })

/** The series of numbers that readers care for most, of them those with the most values. */
async function chooseSeries(database: Database, { series }: CompanyDetail): Promise<CompanyDetail['series']> {
  const numeric = series.filter(({ measurement: { type } }) => type === 'int' || type === 'float')
  const rows = await database.any(sql.type(meaningRow)`
    SELECT source_measurement_id AS id, weight FROM analyzer.meaning_view
    WHERE source_measurement_id = ANY(${column(numeric, 'int4', ({ measurement }) => measurement.id)})`)
  const weights = new Map(rows.map(({ id, weight }) => [id, weight]))
  const weightOf = ({ measurement }: CompanyDetail['series'][number]) => weights.get(measurement.id) ?? 0
  return numeric
    .toSorted((a, b) => weightOf(b) - weightOf(a) || (b.detector.points ?? 0) - (a.detector.points ?? 0))
    .slice(0, most.panels)
}

function toPanel(
  { series_id, source }: CompanyDetail['series'][number],
  points: Series['points'],
  told: readonly News[],
  disturbances: readonly Disturbance[],
  now: number,
): Omit<CompanyView['panels'][number], 'title'> {
  const times = points.map(({ at }) => at)
  return {
    ...{ seriesId: series_id, points },
    marks: told
      .filter((item) => item.series_id === series_id)
      .map((item) => ({ at: Date.parse(item.observed_at), text: item.title })),
    shades: shade(
      disturbances.filter(({ sourceId }) => sourceId === source.id),
      times,
      now,
    ),
  }
}

async function readListed(database: Database, viewer: Viewer, company: number, source: number) {
  const query = { company, source, items: 'false', limit: most.series } as const
  const { series, next } = await listSeries(database, viewer, query, firstPage)
  return { source, series, hasMore: next !== null }
}

const standingRow = z.object({
  follows: z.boolean(),
  follows_bucket: z.boolean(),
  mutes: z.array(z.object({ id: z.int(), until: z.number().nullable() })),
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
      (SELECT coalesce(json_agg(json_build_object('id', mute_id, 'until', extract(epoch FROM until) * 1000)), '[]')
        FROM notifier.person_mute_view
        WHERE user_id = ${userId} AND company_id = ${company} AND bucket_id IS NULL AND data_source_id IS NULL
          AND source_measurement_id IS NULL AND subject_key IS NULL AND below IS NULL) AS mutes`)
  return { follows, followsBucket: follows_bucket, mutes }
}
