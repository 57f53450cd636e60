import { randomUUID } from 'node:crypto'
import type { TestEdge } from './setup.ts'

/** Adds a news item of a source, as the analyzer stores it, and returns its id. Its number in parma-web is 1. */
export async function addNews(edge: Pick<TestEdge, 'database'>, sourceId: number, title = 'News'): Promise<string> {
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

/** Adds a value a week to the series of a news item of `addNews`, the last one now. */
export async function addValues(
  edge: Pick<TestEdge, 'database'>,
  sourceId: number,
  numbers: readonly number[],
): Promise<void> {
  for (const [index, number] of numbers.entries()) {
    const weeks = numbers.length - 1 - index
    await edge.database.query(`SELECT normalizer.create_month(now() - $1 * interval '1 week')`, [weeks])
    await edge.database.query(
      `INSERT INTO normalizer.value (event_no, observed_at, number, seq, company_measurement_id, source_measurement_id,
         company_id, data_source_id, type, path, subject_key)
       VALUES ($1, now() - $2 * interval '1 week', $3, 0, 1, 1, 1, $4, 'int', 'stars', '')`,
      [1000 + index, weeks, number, sourceId],
    )
  }
}
