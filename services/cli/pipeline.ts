import { z } from 'zod'
import { isoTime } from '#runtime/commands/command-database.ts'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { recordLifeDays } from '#schemas/topics.ts'

// Reads only what services share with others: their views, normalizer.value and analyzer.news.

const total = z.number()
const pipelineRow = z.object({
  since: z.string(),
  /** With or without a run: what the normalizer knows, and what was counted for a run and has not arrived there yet. */
  fed: total,
  fed_in_runs: total,
  normalized: total,
  refused: total,
  judged: total,
  values: z.record(z.string(), total),
  refused_values: total,
  news: total,
  silent_news: total,
  messages: z.record(z.string(), total),
})
export type Pipeline = z.output<typeof pipelineRow>

/**
 * Counts how far the payloads of a source got since `since`; of all sources when `source` is null. Older payloads are
 * left out, because some services have forgotten them (LEDGER_DAYS).
 */
export function readPipeline(database: Database, source: string | null): Promise<Pipeline> {
  return database.one(sql.type(pipelineRow)`
    WITH life AS (
      SELECT now() - ${recordLifeDays} * interval '1 day' AS since
    ), event AS (
      SELECT l.* FROM normalizer.lineage l, life
      WHERE replay_id = '' AND received_at >= since AND (source_name = ${source} OR ${source}::text IS NULL)
    ), waiting AS (
      SELECT s.event_id FROM scheduler.event_status s, life
      WHERE s.stage = 'fed' AND s.at >= since AND NOT EXISTS (SELECT FROM normalizer.lineage l WHERE l.event_id = s.event_id)
    ), item AS (
      SELECT n.* FROM analyzer.news n JOIN event USING (event_id)
    )
    SELECT ${isoTime(sql.fragment`since`)} AS since,
      ((SELECT count(*) FROM event) + (SELECT count(*) FROM waiting))::int AS fed,
      ((SELECT count(*) FROM scheduler.event_status s JOIN event USING (event_id) WHERE s.stage = 'fed')
        + (SELECT count(*) FROM waiting))::int AS fed_in_runs,
      (SELECT count(*) FROM event WHERE reason IS NULL)::int AS normalized,
      (SELECT count(*) FROM event WHERE reason IS NOT NULL)::int AS refused,
      (SELECT count(*) FROM analyzer.event_status a JOIN event USING (event_id) WHERE a.stage = 'judged')::int AS judged,
      (SELECT coalesce(jsonb_object_agg(type, n), '{}') FROM (
        SELECT v.type, count(*) AS n FROM normalizer.value v JOIN event USING (event_no) GROUP BY v.type) t) AS values,
      (SELECT coalesce(sum(refused), 0) FROM event)::int AS refused_values,
      (SELECT count(*) FROM item WHERE NOT silent)::int AS news,
      (SELECT count(*) FROM item WHERE silent)::int AS silent_news,
      (SELECT coalesce(jsonb_object_agg(state, n), '{}') FROM (
        SELECT d.state, count(DISTINCT d.delivery_id) AS n FROM notifier.delivery_status d JOIN event USING (event_id) GROUP BY d.state) t) AS messages
    FROM life`)
}

const alertRow = z.object({
  news_id: z.string(),
  title: z.string(),
  message: z.string(),
  previous: z.string().nullable(),
  current: z.string().nullable(),
  company: z.string(),
  measurement: z.string(),
  path: z.string(),
  map_version: z.number(),
  task_id: z.number().nullable(),
  event_id: z.string(),
  document: z.string(),
  received_at: z.number(),
  sent_at: z.number(),
})

/**
 * The newest news item of a source that was sent to somebody, with the way back to its raw document. A change of a
 * number is preferred over other news items of its payload. Null when there is none.
 */
export async function readNewestAlert(database: Database, source: string | null) {
  const alert = await database.maybeOne(sql.type(alertRow)`
    SELECT n.news_id, n.title, n.message, n.previous, n.current, n.path, n.map_version, n.task_id, n.event_id,
      c.name AS company, m.measurement_name AS measurement, e.document, e.received_at, s.at AS sent_at
    FROM analyzer.news n
    JOIN normalizer.lineage e ON e.event_id = n.event_id AND e.replay_id = ''
    JOIN notifier.event_status s ON s.event_id = n.event_id AND s.stage = 'notified'
    JOIN public.company c ON c.id = n.company_id
    JOIN public.source_measurement m ON m.id = n.source_measurement_id
    WHERE NOT n.silent AND (e.source_name = ${source} OR ${source}::text IS NULL)
    ORDER BY (n.trigger_factor IS NOT NULL) DESC, s.at DESC, n.group_index
    LIMIT 1`)
  if (!alert) return null
  const iso = (ms: number) => new Date(ms).toISOString()
  return { ...alert, received_at: iso(alert.received_at), sent_at: iso(alert.sent_at) }
}
