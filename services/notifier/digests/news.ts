import { z } from 'zod'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { formatDate } from '#runtime/text/format.ts'
import { factColumns, factsOf, factsRow } from '../delivery/line-facts.ts'
import { type DigestNewsItem, isFunding } from '../message/compose-digest.ts'
import type { Series } from '../charts/draw-series.ts'
import { isGoodNews } from '../message/is-good.ts'
import { followerCounts } from '../people/follower-counts.ts'

type Connection = Pick<Database, 'any'>

const newsItemRow = factsRow.extend({
  company: z.string().nullable(),
  severity: z.enum(['info', 'warning', 'critical']).catch('info'),
  title: z.string(),
  message: z.string(),
  followers: z.number(),
  polarity: z.string().nullable(),
})
export type NewsItem = DigestNewsItem & z.output<typeof newsItemRow> & { is_good: boolean }

/** News items by id. */
export async function readNewsItems(connection: Connection, ids: readonly string[]): Promise<Map<string, NewsItem>> {
  const rows = await connection.any(sql.type(newsItemRow)`
    SELECT ${factColumns}, c.name AS company, i.severity, i.title, i.message, coalesce(f.followers, 0) AS followers,
      p.polarity
    FROM notifier.news_item i
    JOIN notifier.news_group g USING (group_id)
    LEFT JOIN ${followerCounts} f USING (company_id)
    LEFT JOIN public.company c ON c.id = g.company_id
    LEFT JOIN analyzer.meaning_view p USING (source_measurement_id)
    WHERE i.news_id = ANY(${sql.array(ids, 'uuid')})`)
  return new Map(rows.map((row) => [row.news_id, { ...row, facts: factsOf(row), is_good: isGoodNews(row) }]))
}

/** Bars in a chart. */
const spans = 12

const seriesRow = z.object({ no: z.number(), values: z.array(z.number()), first_at: z.number() })

/**
 * The series of news items between `from` and `until` (ms since 1970), by news id. A series with several subjects has
 * none: their values would alternate.
 */
export async function readSeries(
  connection: Connection,
  news: readonly NewsItem[],
  { from, until }: { from: number; until: number },
): Promise<Map<string, Series>> {
  const ofSeries = [...Map.groupBy(news, keyOf).values()]
  const rows = await connection.any(sql.type(seriesRow)`
    WITH point AS (
      SELECT DISTINCT ON (s.no, span) s.no, span, v.number, v.observed_at, v.subject_key
      FROM ${sql.unnest(
        ofSeries.map(([one], no) => [no, one?.company_id ?? 0, one?.source_measurement_id ?? 0, one?.item_key ?? null]),
        ['int4', 'int4', 'int4', 'text'],
      )} AS s (no, company_id, source_measurement_id, item_key)
      JOIN public.company_source_measurement m
        ON m.source_measurement_id = s.source_measurement_id AND m.company_id = s.company_id
      JOIN normalizer.value v
        ON v.company_measurement_id = m.company_measurement_id AND v.item_key IS NOT DISTINCT FROM s.item_key
      CROSS JOIN LATERAL (
        SELECT width_bucket(extract(epoch FROM v.observed_at) * 1000, ${from}, ${until}, ${spans}) AS span
      ) w
      WHERE v.observed_at >= to_timestamp(${from} / 1000.0) AND v.observed_at < to_timestamp(${until} / 1000.0)
        AND v.number IS NOT NULL
      ORDER BY s.no, span, v.observed_at DESC, v.event_no DESC
    )
    SELECT no, array_agg(number ORDER BY span) AS values, min(observed_at) AS first_at
    FROM point GROUP BY no HAVING count(DISTINCT subject_key) = 1`)
  return new Map(
    rows.flatMap(({ no, values, first_at }) =>
      (ofSeries[no] ?? []).map((one): [string, Series] => [one.news_id, { values, firstAt: first_at }]),
    ),
  )
}

const keyOf = ({ company_id, source_measurement_id, item_key }: NewsItem) =>
  JSON.stringify([company_id, source_measurement_id, item_key])

const fundingRow = z.object({
  news_id: z.string(),
  name: z.string(),
  number: z.number().nullable(),
  text: z.string().nullable(),
  date: z.number().nullable(),
  members: z.array(z.string().nullable()).nullable(),
})
export type Known = { name: string; value: string }

/**
 * For news items about funding rounds, by news id: the latest value of every child of their measurement’s parent. If
 * the news item is about a list item, only values of the same item count, and the children of the list measurement
 * count, too. Children without a value are left out.
 */
export async function readFunding(connection: Connection, news: readonly NewsItem[]): Promise<Map<string, Known[]>> {
  const funding = news.filter(isFunding)
  if (funding.length === 0) return new Map()
  const rows = await connection.any(sql.type(fundingRow)`
    SELECT f.news_id, child.measurement_name AS name, v.number, v.text, v.date, v.members
    FROM ${sql.unnest(
      funding.map((one) => [one.news_id, one.company_id, one.source_measurement_id, one.item_key]),
      ['uuid', 'int4', 'int4', 'text'],
    )} AS f (news_id, company_id, source_measurement_id, item_key)
    JOIN public.source_measurement own ON own.id = f.source_measurement_id
    JOIN public.source_measurement child ON child.parent_measurement_id = own.parent_measurement_id
      OR (f.item_key IS NOT NULL AND child.parent_measurement_id = own.id)
    CROSS JOIN LATERAL (
      SELECT v.number, v.text, v.date, v.members
      FROM public.company_source_measurement m
      JOIN normalizer.value v ON v.company_measurement_id = m.company_measurement_id
      WHERE m.source_measurement_id = child.id AND m.company_id = f.company_id
        AND (f.item_key IS NULL OR v.item_key = f.item_key)
      ORDER BY v.observed_at DESC, v.event_no DESC, v.seq DESC LIMIT 1
    ) v
    ORDER BY child.id`)
  const known = Map.groupBy(rows, ({ news_id }) => news_id)
  return new Map(
    [...known].map(([id, facts]) => [id, facts.map((one) => ({ name: one.name, value: formatValue(one) }))]),
  )
}

function formatValue({ number, text, date, members }: z.output<typeof fundingRow>): string {
  if (text !== null) return text
  if (number !== null) return String(number)
  return date === null ? (members ?? []).join(', ') : formatDate(date)
}
