import { z } from 'zod'
import { type Database, sql, type Transaction } from '#runtime/postgres/database.ts'
import type { Log } from '#runtime/process/log.ts'
import { excerpt } from '#runtime/text/shorten.ts'
import type { MessageChart } from '../message/message.ts'

/** A news item whose series is to be drawn. */
type Charted = { news_id: string; company: string | null; title: string }

/** Values of a chart, and values of the same list among which they are looked for. */
const [most, mostRead] = [150, 10_000]
const maxTitle = 160

const chartRow = z.object({
  news_id: z.string(),
  item_key: z.string().nullable(),
  measurement: z.string(),
  points: z.array(z.tuple([z.number(), z.number()])),
})

/**
 * The charts of these news items, by news id: their series up to them. A series with several subjects has none: their
 * values would alternate. When they cannot be read, which is logged, there are none: messages do not wait for them.
 */
export async function findCharts(
  log: Log,
  connection: Pick<Database, 'transaction'>,
  news: readonly Charted[],
): Promise<Map<string, MessageChart>> {
  const byId = new Map(news.map((one) => [one.news_id, one]))
  if (byId.size === 0) return new Map()
  try {
    // What fails here must not undo the rest.
    const rows = await connection.transaction((inner) => readCharts(inner, [...byId.keys()]))
    return new Map(
      rows.map(({ news_id, item_key, measurement, points }) => {
        const { company, title = '' } = byId.get(news_id) ?? {}
        const name = [company ?? '', ...(item_key === null ? [] : [item_key])].join('/')
        return [
          news_id,
          { title: excerpt(`${name}: ${measurement}`, maxTitle), mark: excerpt(title, maxTitle), points },
        ]
      }),
    )
  } catch (error) {
    log.warn({ error }, 'series_not_read')
    return new Map()
  }
}

function readCharts(tx: Transaction, ids: readonly string[]) {
  return tx.any(sql.type(chartRow)`
    SELECT DISTINCT ON (n.news_id) n.news_id, n.item_key, m.measurement_name AS measurement, v.points
    FROM notifier.news_item n JOIN notifier.news_group g USING (group_id)
    JOIN public.source_measurement m ON m.id = n.source_measurement_id
    JOIN public.company_source_measurement c
      ON c.source_measurement_id = n.source_measurement_id AND c.company_id = g.company_id
    CROSS JOIN LATERAL (
      SELECT json_agg(json_build_array(at, number) ORDER BY at, event_no, seq) AS points
      FROM (
        SELECT (extract(epoch FROM observed_at) * 1000)::float8 AS at, number, event_no, seq, subject_key
        FROM (
          SELECT observed_at, number, event_no, seq, subject_key, item_key FROM normalizer.value
          WHERE company_measurement_id = c.company_measurement_id AND observed_at <= n.observed_at
          ORDER BY observed_at DESC LIMIT ${mostRead}
        ) newest
        WHERE item_key IS NOT DISTINCT FROM n.item_key AND number IS NOT NULL
        ORDER BY observed_at DESC, event_no DESC, seq DESC LIMIT ${most}
      ) own
      HAVING count(*) >= 3 AND count(DISTINCT subject_key) = 1
    ) v
    WHERE n.news_id = ANY(${sql.array(ids, 'uuid')})
    ORDER BY n.news_id, c.company_measurement_id`)
}
