import { z } from 'zod'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { isVisibleBucket } from '#runtime/postgres/visible.ts'
import type { DueDigest } from './policies.ts'

type Connection = Pick<Database, 'any'>

/** SQL for digests: user_id, bucket_id, since. Needs an alias. */
function digestRows(due: readonly DueDigest[]) {
  return sql.fragment`${sql.unnest(
    due.map(({ user_id, bucket_id, since }) => [user_id, bucket_id, since]),
    ['int4', 'int4', 'int8'],
  )}`
}

const ranks = sql.fragment`ARRAY['info', 'warning', 'critical']`

const isReadersBucket = isVisibleBucket(sql.fragment`d.user_id`, sql.fragment`b`)

/**
 * SQL for the companies of a digest `d`, with what of them its reader follows: those that they follow in parma-web or by
 * an own subscription, or those of its bucket if they can see it.
 */
const followed = sql.fragment`(
  SELECT company_id, NULL::int AS data_source_id, 1 AS least, NULL::text[] AS kinds
  FROM public.company_subscription WHERE d.bucket_id = 0 AND user_id = d.user_id
  UNION
  SELECT company_id, NULL, 1, NULL FROM public.news_subscription WHERE d.bucket_id = 0 AND user_id = d.user_id
  UNION ALL
  SELECT c.id, s.data_source_id, array_position(${ranks}, s.min_severity), s.kinds
  FROM notifier.subscription s JOIN public.company c ON c.id = s.company_id OR (s.company_id IS NULL AND s.bucket_id IS NULL)
  WHERE d.bucket_id = 0 AND s.user_id = d.user_id AND s.bucket_id IS NULL
  UNION ALL
  SELECT m.company_id, s.data_source_id, array_position(${ranks}, s.min_severity), s.kinds
  FROM notifier.subscription s
  JOIN public.bucket b ON b.id = s.bucket_id
  JOIN public.company_bucket_membership m ON m.bucket_id = b.id
  WHERE d.bucket_id = 0 AND s.user_id = d.user_id AND coalesce(s.company_id = m.company_id, true)
    AND ${isReadersBucket}
  UNION ALL
  SELECT m.company_id, NULL, 1, NULL
  FROM public.company_bucket_membership m JOIN public.bucket b ON b.id = m.bucket_id
  WHERE m.bucket_id = d.bucket_id AND ${isReadersBucket}
)`

const pickedRow = z.object({ user_id: z.number(), bucket_id: z.number(), news: z.array(z.string()) })

/**
 * The ids of the news items of each digest: those of its companies that its reader has had in no digest. They are found
 * by their absence, so news items that were stored late, or during a run, are in the next digest.
 */
export async function pickNews(connection: Connection, due: readonly DueDigest[]): Promise<Map<DueDigest, string[]>> {
  const rows = await connection.any(sql.type(pickedRow)`
    SELECT d.user_id, d.bucket_id, array_agg(DISTINCT i.news_id) AS news
    FROM ${digestRows(due)} AS d (user_id, bucket_id, since)
    CROSS JOIN LATERAL ${followed} c
    JOIN notifier.news_group g ON g.company_id = c.company_id AND coalesce(g.data_source_id = c.data_source_id, true)
    JOIN notifier.news_item i ON i.group_id = g.group_id AND i.received_at >= to_timestamp(d.since / 1000.0)
      AND (c.least = 1 OR array_position(${ranks}, i.severity) >= c.least) AND coalesce(i.kind = ANY(c.kinds), true)
    WHERE NOT EXISTS (
      SELECT FROM notifier.digest_item t
      WHERE t.user_id = d.user_id AND t.bucket_id = d.bucket_id AND t.news_id = i.news_id)
    GROUP BY d.user_id, d.bucket_id`)
  const news = new Map(rows.map((row) => [keyOf(row), row.news]))
  return new Map(due.map((one) => [one, news.get(keyOf(one)) ?? []]))
}

const countRow = z.object({ user_id: z.number(), bucket_id: z.number(), companies: z.number() })

/** How many companies each digest is about. */
export async function countCompanies(
  connection: Connection,
  due: readonly DueDigest[],
): Promise<(due: DueDigest) => number> {
  const rows = await connection.any(sql.type(countRow)`
    SELECT d.user_id, d.bucket_id, count(DISTINCT c.company_id)::int AS companies
    FROM ${digestRows(due)} AS d (user_id, bucket_id, since) CROSS JOIN LATERAL ${followed} c
    GROUP BY d.user_id, d.bucket_id`)
  const counts = new Map(rows.map((row) => [keyOf(row), row.companies]))
  return (one) => counts.get(keyOf(one)) ?? 0
}

const troubleRow = z.object({
  user_id: z.number(),
  bucket_id: z.number(),
  kind: z.enum(['source-down', 'stale', 'suspect-run']),
  sources: z.array(z.string()),
})
export type Trouble = Pick<z.output<typeof troubleRow>, 'kind' | 'sources'>

/** The sources with data about its companies that were down, late or suspect since each digest's previous one. */
export async function readTroubles(
  connection: Connection,
  due: readonly DueDigest[],
): Promise<(due: DueDigest) => readonly Trouble[]> {
  const rows = await connection.any(sql.type(troubleRow)`
    SELECT d.user_id, d.bucket_id, e.kind, array_agg(DISTINCT s.source_name) AS sources
    FROM ${digestRows(due)} AS d (user_id, bucket_id, since)
    JOIN notifier.ops_event e ON e.kind IN ('source-down', 'stale', 'suspect-run')
    LEFT JOIN notifier.ops_story t ON t.dedupe_key = e.dedupe_key
    JOIN public.data_source s ON s.id = e.data_source_id
    WHERE (e.at >= to_timestamp(d.since / 1000.0) OR (t.is_open AND NOT e.resolved)) AND EXISTS (
      SELECT FROM ${followed} c JOIN analyzer.feed_view f USING (company_id)
      WHERE f.data_source_id = e.data_source_id AND coalesce(c.data_source_id = e.data_source_id, true))
    GROUP BY d.user_id, d.bucket_id, e.kind ORDER BY e.kind`)
  const troubles = Map.groupBy(rows, keyOf)
  return (one) => troubles.get(keyOf(one)) ?? []
}

const keyOf = ({ user_id, bucket_id }: Pick<DueDigest, 'user_id' | 'bucket_id'>) => `${user_id}/${bucket_id}`
