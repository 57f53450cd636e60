import { z } from 'zod'
import { columnsOf } from '#runtime/postgres/column.ts'
import { type Database, sql, type Transaction } from '#runtime/postgres/database.ts'
import { isCounted } from '../suspect/withheld.ts'
import { newestPayloads } from '../values/newest-payloads.ts'
import type { Outlook } from './forecast-points.ts'

const feedRow = z.object({ data_source_id: z.number(), company_id: z.number() })

/** What one source says about one company. */
export type Feed = z.infer<typeof feedRow>

/** Takes the feed whose forecasts have waited longest, until the transaction ends. Null: there is none. */
export function takeFeed(tx: Transaction): Promise<Feed | null> {
  return tx.maybeOne(sql.type(feedRow)`
    SELECT data_source_id, company_id FROM analyzer.feed WHERE forecasts_due IS NOT NULL
    ORDER BY forecasts_due LIMIT 1 FOR UPDATE SKIP LOCKED`)
}

/** The forecasts of this feed are up to date. */
export async function markDone(tx: Pick<Database, 'query'>, { data_source_id, company_id }: Feed): Promise<void> {
  await tx.query(sql.unsafe`
    UPDATE analyzer.feed SET forecasts_due = NULL
    WHERE data_source_id = ${data_source_id} AND company_id = ${company_id}`)
}

/** How many feeds wait. */
export function countDue(database: Database): Promise<number> {
  return database.oneFirst(sql.type(z.object({ count: z.number() }))`
    SELECT count(*)::int AS count FROM analyzer.feed WHERE forecasts_due IS NOT NULL`)
}

const seriesRow = z.object({
  company_measurement_id: z.number(),
  subject_key: z.string(),
  item_key: z.string(),
  newest_event_no: z.number(),
  times: z.array(z.number()),
  numbers: z.array(z.number()),
})

/** A series with its newest points, in order of time. */
type Points = z.infer<typeof seriesRow>

export type Made = { series: Points; outlook: Outlook }

/** Values of so many of the newest payloads are read: those of three years of weeks. */
const payloadsBack = 160
/** An index entry takes no longer key. */
const maxKeyBytes = 1000

/**
 * Series of the feed, at most `limit`, with values that their forecasts do not know: newer ones, late ones, or ones that were
 * brought by a replay. Only values up to what was judged: a forecast must be older than the value that is judged beside it.
 * Values of payloads that do not count are left out.
 */
export function readOutdated(tx: Transaction, feed: Feed, limit: number): Promise<readonly Points[]> {
  return tx.any(sql.type(seriesRow)`
    SELECT o.* FROM analyzer.feed f
    JOIN public.source_measurement m ON m.source_module_id = f.data_source_id AND m.type IN ('int', 'float')
    JOIN public.company_source_measurement s ON s.source_measurement_id = m.id AND s.company_id = f.company_id
    CROSS JOIN LATERAL (
      SELECT v.company_measurement_id, v.subject_key, coalesce(v.item_key, '') AS item_key,
        max(greatest(coalesce(v.replay_no, v.event_no), v.generation_no)) AS newest_event_no,
        array_agg((extract(epoch FROM v.observed_at) * 1000)::float8 ORDER BY v.observed_at, v.event_no, v.seq) AS times,
        array_agg(v.number ORDER BY v.observed_at, v.event_no, v.seq) AS numbers
      FROM (${newestPayloads(payloadsBack)}) w
      JOIN normalizer.value v ON v.company_measurement_id = s.company_measurement_id
        AND v.observed_at BETWEEN w.since AND f.observed_at
      LEFT JOIN analyzer.forecast k ON k.company_measurement_id = s.company_measurement_id
        AND k.subject_key = v.subject_key AND k.item_key = coalesce(v.item_key, '') AND k.steps = 1
      WHERE v.type IN ('int', 'float') AND abs(v.number) < 'Infinity'
        AND ${isCounted}
        AND octet_length(v.subject_key) <= ${maxKeyBytes} AND octet_length(coalesce(v.item_key, '')) <= ${maxKeyBytes}
      GROUP BY v.company_measurement_id, v.subject_key, coalesce(v.item_key, ''), k.newest_event_no
      HAVING count(DISTINCT v.observed_at) > 1
        AND max(greatest(coalesce(v.replay_no, v.event_no), v.generation_no)) IS DISTINCT FROM k.newest_event_no
    ) o
    WHERE f.data_source_id = ${feed.data_source_id} AND f.company_id = ${feed.company_id}
    LIMIT ${limit}`)
}

export async function writeForecasts(tx: Transaction, made: readonly Made[]): Promise<void> {
  const rows = made.flatMap(({ series, outlook: { madeAt, forecasts } }) =>
    forecasts.map((forecast) => ({ ...series, ...forecast, madeAt })),
  )
  if (rows.length === 0) return
  const column = columnsOf(rows)
  await tx.query(sql.unsafe`
    INSERT INTO analyzer.forecast (company_measurement_id, subject_key, item_key, steps, made_at, for_time, value, low,
      high, mean_error, model, newest_event_no)
    SELECT company_measurement_id, subject_key, item_key, steps, to_timestamp(made_at), to_timestamp(for_time), value, low,
      high, mean_error, model, newest_event_no
    FROM unnest(
      ${column('int4', (row) => row.company_measurement_id)},
      ${column('text', (row) => row.subject_key)},
      ${column('text', (row) => row.item_key)},
      ${column('int2', (row) => row.steps)},
      ${column('float8', (row) => row.madeAt / 1000)},
      ${column('float8', (row) => row.time / 1000)},
      ${column('float8', (row) => row.value)},
      ${column('float8', (row) => row.low)},
      ${column('float8', (row) => row.high)},
      ${column('float8', (row) => row.error)},
      ${column('text', (row) => row.model)},
      ${column('int8', (row) => row.newest_event_no)}
    ) AS n (company_measurement_id, subject_key, item_key, steps, made_at, for_time, value, low, high, mean_error, model,
      newest_event_no)
    ON CONFLICT (company_measurement_id, subject_key, item_key, steps) DO UPDATE
    SET made_at = excluded.made_at, for_time = excluded.for_time, value = excluded.value, low = excluded.low,
      high = excluded.high, mean_error = excluded.mean_error, model = excluded.model,
      newest_event_no = excluded.newest_event_no`)
}
