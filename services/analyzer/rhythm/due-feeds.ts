import { z } from 'zod'
import { column, columnsOf } from '#runtime/postgres/column.ts'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { insertRecords } from '#runtime/postgres/insert-records.ts'
import type { Payload } from '../values/payload.ts'

export type FeedKey = { data_source_id: number; company_id: number }

/** Payloads of an import follow each other: a feed is looked at when so long none has come, or at the latest after a minute. */
const settleSeconds = 2
const latestSeconds = 60

/** Has the loop of `startFollowing` look at the feeds of these payloads, once the transaction is committed. */
export async function addDueFeeds(tx: Pick<Transaction, 'query'>, payloads: readonly Payload[]): Promise<void> {
  await insertRecords(
    tx,
    ['analyzer', 'feed_due'],
    { data_source_id: 'int4', company_id: 'int4', observed_at: 'ms', live: 'bool' },
    payloads
      .filter(({ values }) => values.some(({ number }) => number !== null))
      .map(({ data_source_id, company_id, observed_at, history, replay_id }) => ({
        ...{ data_source_id, company_id: Number(company_id), observed_at, live: !history && replay_id === null },
      })),
  )
}

/** The same for feeds whose payloads are known, but count only now, or no longer. */
export async function addFeedsAgain(
  tx: Pick<Transaction, 'query'>,
  payloads: readonly (FeedKey & { observed_at: number })[],
): Promise<void> {
  await insertRecords(
    tx,
    ['analyzer', 'feed_due'],
    { data_source_id: 'int4', company_id: 'int4', observed_at: 'ms', live: 'bool', is_changed: 'bool' },
    payloads.map(({ data_source_id, company_id, observed_at }) => ({
      ...{ data_source_id, company_id, observed_at, live: false, is_changed: true },
    })),
  )
}

const keyRow = z.object({ data_source_id: z.number(), company_id: z.number() })

const dueRow = keyRow.extend({ is_changed: z.boolean() })

/**
 * The feeds that have waited longest, at most so many. The forecasts of those in which other payloads count than before
 * will be made anew.
 */
export async function takeDueFeeds(tx: Transaction, limit: number): Promise<FeedKey[]> {
  const rows = await tx.any(sql.type(dueRow)`
    WITH settled AS (
      SELECT data_source_id, company_id FROM analyzer.feed_due GROUP BY data_source_id, company_id
      HAVING max(judged_at) < now() - ${settleSeconds} * interval '1 second'
        OR min(judged_at) < now() - ${latestSeconds} * interval '1 second'
      ORDER BY min(due_no) LIMIT ${limit}
    ), taken AS (
      DELETE FROM analyzer.feed_due d USING settled s
      WHERE d.data_source_id = s.data_source_id AND d.company_id = s.company_id
      RETURNING d.*
    ), newest AS (
      SELECT DISTINCT ON (data_source_id, company_id) * FROM taken
      ORDER BY data_source_id, company_id, observed_at DESC, live DESC, judged_at
    )
    INSERT INTO analyzer.feed AS f (data_source_id, company_id, observed_at, live, came_at)
    SELECT data_source_id, company_id, observed_at, live, judged_at FROM newest
    ON CONFLICT (data_source_id, company_id) DO UPDATE
    SET observed_at = greatest(f.observed_at, excluded.observed_at),
      live = CASE WHEN excluded.observed_at > f.observed_at THEN excluded.live ELSE f.live END,
      came_at = CASE WHEN excluded.observed_at > f.observed_at THEN excluded.came_at ELSE f.came_at END
    RETURNING data_source_id, company_id, (
      SELECT bool_or(is_changed) FROM taken t
      WHERE t.data_source_id = f.data_source_id AND t.company_id = f.company_id
    ) AS is_changed`)
  await forgetForecasts(
    tx,
    rows.filter(({ is_changed }) => is_changed),
  )
  return rows.map(({ data_source_id, company_id }) => ({ data_source_id, company_id }))
}

/** The rows of these feeds are locked by now, so nobody makes forecasts of what counted before any more. */
async function forgetForecasts(tx: Transaction, feeds: readonly FeedKey[]): Promise<void> {
  if (feeds.length === 0) return
  await tx.query(sql.unsafe`
    DELETE FROM analyzer.forecast k
    USING ${keyColumns(feeds)} AS f (data_source_id, company_id)
    JOIN public.source_measurement m ON m.source_module_id = f.data_source_id
    JOIN public.company_source_measurement s ON s.source_measurement_id = m.id AND s.company_id = f.company_id
    WHERE k.company_measurement_id = s.company_measurement_id`)
}

/** Has feeds looked at that an earlier version judged, as far as no payload has come since. */
export async function adoptFeeds(tx: Transaction): Promise<void> {
  await tx.query(sql.unsafe`
    INSERT INTO analyzer.feed_due (data_source_id, company_id, observed_at, live)
    SELECT m.source_module_id, s.company_id, max(t.observed_at), false
    FROM analyzer.series_state t
    JOIN public.company_source_measurement s USING (company_measurement_id)
    JOIN public.source_measurement m ON m.id = s.source_measurement_id
    WHERE m.type IN ('int', 'float') AND NOT EXISTS (
      SELECT FROM analyzer.feed f WHERE f.data_source_id = m.source_module_id AND f.company_id = s.company_id
    )
    GROUP BY m.source_module_id, s.company_id`)
}

/** Forgets what is known of companies and sources that no longer exist. */
export async function forgetGone(tx: Transaction): Promise<void> {
  const { rowCount } = await tx.query(sql.unsafe`
    DELETE FROM analyzer.feed f WHERE NOT EXISTS (SELECT FROM public.company c WHERE c.id = f.company_id)
      OR NOT EXISTS (SELECT FROM public.data_source d WHERE d.id = f.data_source_id)`)
  if (rowCount === 0) return
  await tx.query(sql.unsafe`
    DELETE FROM analyzer.forecast k WHERE NOT EXISTS (
      SELECT FROM public.company_source_measurement s WHERE s.company_measurement_id = k.company_measurement_id
    )`)
}

/** `data_source_id` and `company_id` of feeds, as the columns of a relation. */
export function keyColumns(feeds: readonly FeedKey[]) {
  const of = columnsOf(feeds)
  return sql.fragment`unnest(${of('int4', (feed) => feed.data_source_id)}, ${of('int4', (feed) => feed.company_id)})`
}

export function sourcesOf(feeds: readonly FeedKey[]) {
  return column([...new Set(feeds.map(({ data_source_id }) => data_source_id))], 'int4', (id) => id)
}
