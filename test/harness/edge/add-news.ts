import { randomUUID } from 'node:crypto'
import type { TestEdge } from './setup.ts'

/** Adds a news item of a source, as the analyzer stores it, and returns its id. Its number in parma-web is 1. */
export async function addNews(edge: TestEdge, sourceId: number, title = 'News'): Promise<string> {
  const newsId = randomUUID()
  await edge.database.query(
    `INSERT INTO analyzer.news (news_id, event_id, replay_id, event_no, public_news_id, kind, severity, company_id,
       data_source_id, source_measurement_id, company_measurement_id, subject_key, path, map_version, title, message,
       observed_at, group_index, group_size, dedupe_key, facts, silent)
     VALUES ($1, $1, '', 1, 1, 'threshold', 'info', 1, $2, 1, 1, '', 'stars', 1, $3, $3, now(), 0, 1, '', '{}', false)`,
    [newsId, sourceId, title],
  )
  return newsId
}
