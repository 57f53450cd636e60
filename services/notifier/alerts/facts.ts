import { z } from 'zod'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { followerCounts } from '../people/follower-counts.ts'

const newsRow = z.object({
  news_id: z.string(),
  group_id: z.string(),
  group_index: z.number(),
  severity: z.enum(['info', 'warning', 'critical']),
  title: z.string(),
  message: z.string(),
  trigger_factor: z.number().nullable(),
  previous: z.string().nullable(),
  current: z.string().nullable(),
  observed_at: z.number(),
  company_id: z.number(),
  company: z.string(),
  data_source_id: z.number(),
  source: z.string(),
  importance: z.number().nullable(),
  followers: z.number(),
})
export type NewsItem = z.output<typeof newsRow>

const opsRow = z.object({
  event_id: z.string(),
  kind: z.string(),
  service: z.string(),
  subject: z.string(),
  message: z.string(),
  resolved: z.boolean(),
  at: z.number(),
})
export type OpsEvent = z.output<typeof opsRow>

/** Those of these items that are news items, by id. */
export async function readNews(tx: Transaction, ids: readonly string[]): Promise<Map<string, NewsItem>> {
  const rows = await tx.any(sql.type(newsRow)`
    SELECT news_id, group_id, group_index, severity, n.title, n.message, trigger_factor, previous, current, observed_at,
      g.company_id, coalesce(c.name, 'company ' || g.company_id) AS company,
      g.data_source_id, coalesce(s.source_name, 'source ' || g.data_source_id) AS source,
      importance, coalesce(f.followers, 0) AS followers
    FROM notifier.news_item n JOIN notifier.news_group g USING (group_id)
    LEFT JOIN public.company c ON c.id = g.company_id
    LEFT JOIN public.data_source s ON s.id = g.data_source_id
    LEFT JOIN ${followerCounts} f ON f.company_id = g.company_id
    WHERE news_id = ANY(${sql.array(ids, 'uuid')})`)
  return new Map(rows.map((row) => [row.news_id, row]))
}

/** Those of these items that are operational events, by id. */
export async function readOps(tx: Transaction, ids: readonly string[]): Promise<Map<string, OpsEvent>> {
  const rows = await tx.any(sql.type(opsRow)`
    SELECT event_id, kind, service, subject, message, resolved, at FROM notifier.ops_event
    WHERE event_id = ANY(${sql.array(ids, 'uuid')})`)
  return new Map(rows.map((row) => [row.event_id, row]))
}
