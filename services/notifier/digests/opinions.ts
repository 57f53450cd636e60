import { z } from 'zod'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { type Feedback, noFeedback, type Parts } from '../message/choose-things.ts'
import type { NewsItem } from './news.ts'
import type { DueDigest } from './policies.ts'

type Connection = Pick<Database, 'any'>

const opinionRow = z.object({
  user_id: z.number(),
  source_measurement_id: z.number(),
  useful: z.number(),
  not_useful: z.number(),
})
const doneRow = z.object({ user_id: z.number(), news_id: z.string() })

/** What the readers said of news items about the same measurement, and with which news items they have done. */
export async function readFeedback(
  connection: Connection,
  due: readonly DueDigest[],
): Promise<(due: DueDigest, news: NewsItem) => Feedback> {
  const people = sql.array([...new Set(due.map(({ user_id }) => user_id))], 'int4')
  const opinions = await connection.any(sql.type(opinionRow)`
    SELECT user_id, source_measurement_id, count(*) FILTER (WHERE opinion = 'useful')::int AS useful,
      count(*) FILTER (WHERE opinion = 'not_useful')::int AS not_useful
    FROM notifier.feedback
    WHERE user_id = ANY(${people}) AND opinion IS NOT NULL AND source_measurement_id IS NOT NULL
    GROUP BY user_id, source_measurement_id`)
  const done = await connection.any(sql.type(doneRow)`
    SELECT user_id, news_id FROM notifier.feedback
    WHERE user_id = ANY(${people}) AND (done_at IS NOT NULL OR snoozed_until > now())`)
  const said = new Map(opinions.map((row) => [`${row.user_id}/${row.source_measurement_id}`, row]))
  const isDone = new Set(done.map(({ user_id, news_id }) => `${user_id}/${news_id}`))
  return ({ user_id }, { news_id, source_measurement_id }) => {
    const { useful = 0, not_useful = 0 } = said.get(`${user_id}/${source_measurement_id}`) ?? {}
    return { ...noFeedback, useful, notUseful: not_useful, isDone: isDone.has(`${user_id}/${news_id}`) }
  }
}

const partsRow = z.object({ news_id: z.string(), importance_parts: z.record(z.string(), z.number()).nullable() })

/** Of what the importance of news items is the product, by id. */
export async function readParts(connection: Connection, ids: readonly string[]): Promise<Map<string, Parts>> {
  const rows = await connection.any(sql.type(partsRow)`
    SELECT news_id, importance_parts FROM analyzer.news_view WHERE news_id = ANY(${sql.array(ids, 'uuid')})`)
  return new Map(rows.flatMap((row) => (row.importance_parts ? [[row.news_id, row.importance_parts]] : [])))
}
