import { z } from 'zod'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { factColumns, factsOf, factsRow } from '../delivery/line-facts.ts'
import { isGoodNews } from '../message/is-good.ts'
import type { LineFacts } from '../message/message.ts'
import { followerCounts } from '../people/follower-counts.ts'

const newsRow = factsRow.extend({
  group_index: z.number(),
  severity: z.enum(['info', 'warning', 'critical']),
  title: z.string(),
  message: z.string(),
  company: z.string(),
  source: z.string(),
  followers: z.number(),
  polarity: z.string().nullable(),
  payload_received_at: z.number().nullable(),
  traceparent: z.string().nullable(),
})
export type NewsItem = z.output<typeof newsRow> & { facts: LineFacts; is_good: boolean }

const opsRow = z.object({
  event_id: z.string(),
  kind: z.string(),
  service: z.string(),
  subject: z.string(),
  message: z.string(),
  resolved: z.boolean(),
  at: z.number(),
})
export type OpsEvent = z.output<typeof opsRow> & { facts: LineFacts }

/** Those of these items that are news items, by id. */
export async function readNews(tx: Transaction, ids: readonly string[]): Promise<Map<string, NewsItem>> {
  const rows = await tx.any(sql.type(newsRow)`
    SELECT ${factColumns}, group_index, severity, n.title, n.message,
      coalesce(c.name, 'company ' || g.company_id) AS company,
      coalesce(s.source_name, 'source ' || g.data_source_id) AS source, coalesce(f.followers, 0) AS followers,
      p.polarity, g.payload_received_at, g.traceparent
    FROM notifier.news_item n JOIN notifier.news_group g USING (group_id)
    LEFT JOIN public.company c ON c.id = g.company_id
    LEFT JOIN public.data_source s ON s.id = g.data_source_id
    LEFT JOIN ${followerCounts} f ON f.company_id = g.company_id
    LEFT JOIN analyzer.meaning_view p USING (source_measurement_id)
    WHERE news_id = ANY(${sql.array(ids, 'uuid')})`)
  return new Map(rows.map((row) => [row.news_id, { ...row, facts: factsOf(row), is_good: isGoodNews(row) }]))
}

/** Those of these items that are operational events, by id. */
export async function readOps(tx: Transaction, ids: readonly string[]): Promise<Map<string, OpsEvent>> {
  const rows = await tx.any(sql.type(opsRow)`
    SELECT event_id, kind, service, subject, message, resolved, at FROM notifier.ops_event
    WHERE event_id = ANY(${sql.array(ids, 'uuid')})`)
  return new Map(
    rows.map((row) => {
      const { message: _, ...facts } = row
      return [row.event_id, { ...row, facts: { ...facts, at: new Date(row.at).toISOString() } }]
    }),
  )
}
