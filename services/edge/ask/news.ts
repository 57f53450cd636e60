import { z } from 'zod'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { seriesId, seriesIdPattern } from '../growth/series-id.ts'
import { asCell } from '../http/csv.ts'
import { type Asked, cutPage, firstPage, readCursor } from '../http/cursor.ts'
import { utcIso, utcTime } from '../http/time.ts'
import type { Viewer } from '../access/viewer.ts'
import { isFollowed, isInBucket, mayRead, requireBucket } from './may-read.ts'
import { allOf, named } from './names.ts'
import { backward, format, id, isForward, paging, period, time, timeOf } from './parameters.ts'

export const newsQuery = z
  .object({
    company: id.optional(),
    bucket: id.optional().describe('Companies in this bucket.'),
    followed: z.literal('true').optional().describe('Only companies that the person who asks follows.'),
    source: id.optional(),
    measurement: id.optional().describe('A measurement of a source.'),
    series: z.string().regex(seriesIdPattern).optional(),
    kind: z
      .string()
      .regex(/^[a-z-]{1,50}$/)
      .optional(),
    severity: z.enum(['info', 'warning', 'critical']).optional(),
    silent: z
      .enum(['false', 'true', 'any'])
      .default('false')
      .describe('Silent ones are stored, and nobody was notified: first values, history, replays.'),
    ...period,
    arrived_since: time.optional().describe('By when they were made, not by observed time.'),
    open: z
      .literal('true')
      .optional()
      .describe('Only those that the person has not marked as done and does not snooze.'),
    order: z.enum(['newest', 'best']).default('newest').describe('By observed time, or by importance.'),
    ...paging,
    format,
  })
  .refine(isForward, backward)

export type NewsQuery = z.output<typeof newsQuery>

const newsItem = z.object({
  news_id: z.string(),
  kind: z.string(),
  severity: z.string(),
  silent: z.boolean(),
  title: z.string(),
  message: z.string(),
  company: named,
  source: named,
  measurement: named,
  series_id: z.string(),
  item: z.string().nullable(),
  previous: z.string().nullable(),
  current: z.string().nullable(),
  trigger_factor: z.number().nullable(),
  importance: z.number().describe('How much it matters, from 0 to 1.'),
  importance_parts: z.record(z.string(), z.number()).nullable(),
  facts: z.record(z.string(), z.string()),
  observed_at: utcTime,
  created_at: utcTime,
  event_id: z.string(),
})

export const newsPage = z.object({
  news: z.array(newsItem),
  next: z.string().nullable().describe('The cursor of the next page; null: there is none.'),
})

export type NewsPage = z.output<typeof newsPage>

const position = z.tuple([z.number(), utcTime.pipe(time), z.guid()])

/**
 * Companies deleted since, and what is withheld, are left out. Throws an HttpError: 400 for a wrong cursor, 404 for a
 * bucket.
 */
export async function readNews(database: Database, viewer: Viewer, query: NewsQuery, asked: Asked): Promise<NewsPage> {
  const { bucket, order, limit, cursor } = query
  if (bucket !== undefined) await requireBucket(database, viewer, bucket)
  const after = cursor === undefined ? null : readCursor(position, asked, cursor)
  const isBest = order === 'best'
  const conditions = allOf([
    conditionsOf(viewer, query),
    after === null
      ? null
      : isBest
        ? sql.fragment`(n.importance, n.observed_at, n.news_id)
            < (${after[0]}::float8, ${after[1]}::timestamptz, ${after[2]}::uuid)`
        : sql.fragment`(n.observed_at, n.news_id) < (${after[1]}::timestamptz, ${after[2]}::uuid)`,
  ])
  const found = await database.any(sql.type(newsItem)`
    SELECT n.news_id, n.kind, n.severity, n.silent, n.title, n.message,
      json_build_object('id', n.company_id, 'name', c.name) AS company,
      json_build_object('id', n.data_source_id, 'name', d.source_name) AS source,
      json_build_object('id', n.source_measurement_id, 'name', m.measurement_name) AS measurement,
      ${seriesIdOfNews} AS series_id, n.item_key AS item, n.previous, n.current,
      n.trigger_factor, n.importance, n.importance_parts, n.facts, ${utcIso(sql.fragment`n.observed_at`)} AS observed_at,
      ${utcIso(sql.fragment`n.created_at`)} AS created_at, n.event_id
    FROM analyzer.news_view n
    JOIN public.company c ON c.id = n.company_id
    LEFT JOIN public.data_source d ON d.id = n.data_source_id
    LEFT JOIN public.source_measurement m ON m.id = n.source_measurement_id
    WHERE ${conditions}
    ORDER BY ${isBest ? sql.fragment`n.importance DESC,` : sql.fragment``} n.observed_at DESC, n.news_id DESC
    LIMIT ${limit + 1}`)
  const { rows: news, next } = cutPage(asked, found, limit, (row) => [row.importance, row.observed_at, row.news_id])
  return { news, next }
}

const seriesIdOfNews = seriesId(sql.fragment`n`, sql.fragment`n.subject_id`, sql.fragment`n.item_id`)

function conditionsOf(viewer: Viewer, query: NewsQuery) {
  const { company, bucket, source, measurement, series, kind, severity, silent } = query
  const [since, until, arrived] = [timeOf(query.since), timeOf(query.until), timeOf(query.arrived_since)]
  return allOf([
    mayRead(viewer, sql.fragment`n.company_id`),
    company === undefined ? null : sql.fragment`n.company_id = ${company}`,
    bucket === undefined ? null : isInBucket(sql.fragment`n.company_id`, bucket),
    source === undefined ? null : sql.fragment`n.data_source_id = ${source}`,
    measurement === undefined ? null : sql.fragment`n.source_measurement_id = ${measurement}`,
    series === undefined
      ? null
      : sql.fragment`n.company_measurement_id = ${series.split('-')[0]!}::bigint
          AND ${seriesIdOfNews} = ${series}
          AND (n.company_id, n.source_measurement_id) = (
            SELECT company_id, source_measurement_id FROM public.company_source_measurement
            WHERE company_measurement_id = ${series.split('-')[0]!}::bigint)`,
    kind === undefined ? null : sql.fragment`n.kind = ${kind}`,
    severity === undefined ? null : sql.fragment`n.severity = ${severity}`,
    silent === 'any' ? null : sql.fragment`n.silent = ${silent === 'true'}`,
    since === null ? null : sql.fragment`n.observed_at >= ${since}::timestamptz`,
    until === null ? null : sql.fragment`n.observed_at < ${until}::timestamptz`,
    arrived === null ? null : sql.fragment`n.created_at > ${arrived}::timestamptz`,
    query.followed === undefined ? null : isFollowed(viewer, sql.fragment`n.company_id`),
    query.open === undefined ? null : isOpen(viewer),
  ])
}

function isOpen({ userId }: Viewer) {
  if (userId === null) return null
  return sql.fragment`NOT EXISTS (SELECT FROM notifier.feedback_view f WHERE f.user_id = ${userId}
    AND f.news_id = n.news_id AND (f.done_at IS NOT NULL OR f.snoozed_until > now()))`
}

/** The newest news items of a company or series, silent ones too. */
export async function readNewestNews(
  database: Database,
  viewer: Viewer,
  of: { company: number } | { series: string },
  limit: number,
): Promise<NewsPage['news']> {
  const query = { ...of, silent: 'any', order: 'newest', limit } as const
  return (await readNews(database, viewer, query, firstPage)).news
}

/** Columns of the CSV file. */
export const newsColumns = [
  ...([
    'news_id',
    'observed_at',
    'company_id',
    'company',
    'source',
    'measurement',
    'item',
    'kind',
    'severity',
  ] as const),
  ...(['importance', 'title', 'message', 'previous', 'current', 'trigger_factor', 'silent', 'series_id'] as const),
] as const

/** A news item as a row of a table. */
export function flattenNews({ company, source, measurement, ...item }: NewsPage['news'][number]) {
  const { previous, current } = item
  return {
    ...{ ...item, company_id: company.id, company: company.name, source: source.name, measurement: measurement.name },
    ...{ previous: asCell(previous), current: asCell(current) },
  }
}
