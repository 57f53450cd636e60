import { z } from 'zod'
import { columnsOf } from '#runtime/postgres/column.ts'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import {
  type Counted,
  type Counts,
  mostCounted,
  nothing,
  type PastNews,
  rememberNews,
  yearMs,
} from '../meaning/past-news.ts'

const countRow = z.object({
  no: z.number(),
  series: z.number(),
  company: z.number(),
  others: z.number(),
  companies: z.number(),
})

/**
 * The news items before these, as analyzer.news has them. News items that are added later are counted, too. One
 * statement: the company's own for each question, those of other companies once for each measurement and day.
 */
export async function readPastNews(tx: Transaction, questions: readonly Counted[]): Promise<PastNews> {
  if (questions.length === 0) return rememberNews()
  const keys = [...new Set(questions.map(keyOf))]
  const distinct = [...new Map(questions.map((one) => [keyOf(one), one])).values()]
  const column = columnsOf(distinct)
  const rows = await tx.any(sql.type(countRow)`
    WITH q AS (
      SELECT *, at - ${yearMs} * interval '1 ms' AS since FROM unnest(
        ${column('int4', (_, index) => index)},
        ${column('int4', ({ company_id }) => company_id)},
        ${column('int4', ({ source_measurement_id }) => source_measurement_id)},
        ${column('text', ({ kind }) => kind)},
        ${column('text', ({ subject_key }) => subject_key)},
        ${column('text', ({ item_key }) => item_key)},
        ${column('timestamptz', ({ observed_at }) => new Date(observed_at).toISOString())}
      ) AS q (no, company_id, source_measurement_id, kind, subject_key, item_key, at)
    ), day AS (
      SELECT DISTINCT source_measurement_id, kind, date_trunc('day', at, 'UTC') AS until FROM q
    ), everybody AS MATERIALIZED (
      SELECT day.source_measurement_id, day.kind, until, n.company_id, count(*)::int AS count
      FROM day CROSS JOIN LATERAL (
        SELECT company_id FROM analyzer.news n
        WHERE n.source_measurement_id = day.source_measurement_id AND n.kind = day.kind
          AND n.observed_at < until AND n.observed_at >= until - ${yearMs} * interval '1 ms'
        ORDER BY n.observed_at DESC LIMIT ${mostCounted}
      ) n GROUP BY 1, 2, 3, 4
    )
    SELECT q.no, own.series, own.company, coalesce(o.others, 0)::int AS others, coalesce(o.companies, 0)::int AS companies
    FROM q CROSS JOIN LATERAL (
      SELECT count(*) FILTER (WHERE is_same)::int AS series, count(*) FILTER (WHERE NOT is_same)::int AS company FROM (
        SELECT n.item_key IS NOT DISTINCT FROM q.item_key AND n.subject_key = q.subject_key AS is_same
        FROM analyzer.news n
        WHERE n.company_id = q.company_id AND n.source_measurement_id = q.source_measurement_id AND n.kind = q.kind
          AND n.observed_at < q.at AND n.observed_at >= q.since
        ORDER BY n.observed_at DESC LIMIT ${mostCounted}
      ) n
    ) own
    LEFT JOIN LATERAL (
      SELECT sum(e.count) AS others, count(*) AS companies FROM everybody e
      WHERE e.source_measurement_id = q.source_measurement_id AND e.kind = q.kind AND e.company_id <> q.company_id
        AND e.until = date_trunc('day', q.at, 'UTC')
    ) o ON true`)
  const counts = new Map(rows.map(({ no, ...counted }): [string, Counts] => [keys[no]!, counted]))
  return rememberNews((one) => counts.get(keyOf(one)) ?? nothing)
}

function keyOf(one: Counted): string {
  const { company_id, source_measurement_id, kind, subject_key, item_key, observed_at } = one
  return JSON.stringify([company_id, source_measurement_id, kind, subject_key, item_key, observed_at])
}
