import { z } from 'zod'
import { column } from '#runtime/postgres/column.ts'
import { type Database, sql } from '#runtime/postgres/database.ts'
import type { Viewer } from '../access/viewer.ts'
import { isFollowed, mayRead, maySeeBucket } from '../ask/may-read.ts'
import { type NewsPage, readNews } from '../ask/news.ts'
import { type NewsPageQuery, startOf, toNewsQuery } from './news-query.ts'
import { noteVisit } from './visits.ts'

const optionRow = z.object({ id: z.int(), name: z.string() })
export type Option = z.output<typeof optionRow>

const feedbackRow = z.object({
  news_id: z.string(),
  opinion: z.enum(['useful', 'not_useful']).nullable(),
  is_done: z.boolean(),
  is_snoozed: z.boolean(),
})
export type Feedback = z.output<typeof feedbackRow>

/** What the news page shows. */
export type NewsView = {
  news: NewsPage['news']
  next: string | null
  feedback: ReadonlyMap<string, Feedback>
  /** When what is listed begins, ISO; `isVisit`: that is the end of the person's last visit. */
  start: string
  isVisit: boolean
  /** Whether only companies that the person follows are listed. */
  isFollowed: boolean
  /** Companies that the person follows, and that they may see. */
  counts: { followed: number; visible: number }
  buckets: readonly Option[]
  sources: readonly Option[]
  /** The name of the company that is filtered by; null: it is unknown to the person. */
  company: Option | null
}

const countRow = z.object({ followed: z.int(), visible: z.int() })

/** Reads the news page, which is a visit. Throws an HttpError: 400 for a wrong cursor, 404 for a bucket. */
export async function readNewsPage(
  database: Database,
  viewer: Viewer,
  query: NewsPageQuery,
  now: number,
): Promise<NewsView> {
  const { userId } = viewer
  const seenUntil = userId === null ? null : await noteVisit(database, userId)
  const [counts, buckets, sources, company] = await Promise.all([
    readCounts(database, viewer),
    database.any(sql.type(optionRow)`
      SELECT b.id, b.title AS name FROM public.bucket b WHERE ${maySeeBucket(viewer, sql.fragment`b`)}
      ORDER BY lower(b.title), b.id LIMIT ${mostOptions}`),
    database.any(sql.type(optionRow)`
      SELECT id, source_name AS name FROM public.data_source ORDER BY lower(source_name), id LIMIT ${mostOptions}`),
    query.company === undefined
      ? null
      : database.maybeOne(sql.type(optionRow)`
          SELECT c.id, c.name FROM public.company c WHERE c.id = ${query.company} AND ${mayRead(viewer, sql.fragment`c.id`)}`),
  ])
  const start = startOf(query, seenUntil, now)
  const isAboutFollowed =
    query.bucket === undefined &&
    query.company === undefined &&
    userId !== null &&
    (query.companies ?? (counts.followed > 0 ? 'followed' : 'all')) === 'followed'
  const { cursor: _, change: _change, ...parameters } = query
  const asked = { route: '/console', parameters }
  const { news, next } = await readNews(database, viewer, toNewsQuery(query, start, isAboutFollowed), asked)
  const feedback = await readFeedback(database, viewer, news)
  const isVisit = query.since === 'visit' && seenUntil !== null
  return { news, next, feedback, start, isVisit, isFollowed: isAboutFollowed, counts, buckets, sources, company }
}

/** Of a filter. Who has more buckets chooses one at its own page. */
const mostOptions = 200

function readCounts(database: Database, viewer: Viewer) {
  return database.one(sql.type(countRow)`
    SELECT count(*) FILTER (WHERE ${viewer.userId === null ? sql.fragment`false` : isFollowed(viewer, sql.fragment`c.id`)})::int
      AS followed, count(*)::int AS visible
    FROM public.company c WHERE ${mayRead(viewer, sql.fragment`c.id`)}`)
}

async function readFeedback(
  database: Database,
  { userId }: Viewer,
  news: NewsPage['news'],
): Promise<ReadonlyMap<string, Feedback>> {
  if (userId === null || news.length === 0) return new Map()
  const rows = await database.any(sql.type(feedbackRow)`
    SELECT news_id, opinion, done_at IS NOT NULL AS is_done, coalesce(snoozed_until > now(), false) AS is_snoozed
    FROM notifier.feedback_view
    WHERE user_id = ${userId} AND news_id = ANY(${column(news, 'uuid', ({ news_id }) => news_id)})`)
  return new Map(rows.map((row) => [row.news_id, row]))
}
