import { v5 as uuidv5 } from 'uuid'
import { z } from 'zod'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import type { NewsItem } from './facts.ts'

/** For how long messages about a series belong together. */
const maxDays = 90

/** Namespace of the ids of series. Never changes: what was sent must be found again. */
const namespace = '0a5a63c5-6c1b-4a1e-9d0f-5a0a5d1c7b52'

type SeriesOf = Pick<NewsItem, 'company_id' | 'source_measurement_id' | 'subject_key' | 'item_key'>

/** The id of the series that a news item is about. */
export function seriesIdOf({ company_id, source_measurement_id, subject_key, item_key }: SeriesOf): string {
  return uuidv5(JSON.stringify([company_id, source_measurement_id, subject_key, item_key]), namespace)
}

/** A message about a series, and where it goes. */
type Outgoing = { notificationId: string; seriesId: string | null; to: readonly { destinationId: number }[] }

const threadRow = z.object({ notification_id: z.string(), destination_id: z.number(), delivery_id: z.number() })

/**
 * Finds the delivery that began the thread of a message at a destination: the first about its series in `maxDays`. The
 * returned function gives it; null: the message begins a thread.
 */
export async function findThreads(
  tx: Transaction,
  messages: readonly Outgoing[],
): Promise<(notificationId: string, destinationId: number) => number | null> {
  const wanted = messages.flatMap(({ notificationId, seriesId, to }) =>
    seriesId === null ? [] : to.map(({ destinationId }) => [notificationId, seriesId, destinationId]),
  )
  const rows = await tx.any(sql.type(threadRow)`
    SELECT w.notification_id, w.destination_id, d.delivery_id
    FROM ${sql.unnest(wanted, ['uuid', 'uuid', 'int4'])} AS w (notification_id, series_id, destination_id)
    CROSS JOIN LATERAL (
      SELECT delivery_id FROM notifier.notification n JOIN notifier.delivery d USING (notification_id)
      WHERE n.series_id = w.series_id AND d.destination_id = w.destination_id AND d.follows IS NULL
        AND d.state <> 'failed' AND d.created_at > now() - ${maxDays} * interval '1 day'
      ORDER BY delivery_id DESC LIMIT 1
    ) d`)
  const keyOf = (notificationId: string, destinationId: number) => `${notificationId}/${destinationId}`
  const found = new Map(rows.map((row) => [keyOf(row.notification_id, row.destination_id), row.delivery_id]))
  return (notificationId, destinationId) => found.get(keyOf(notificationId, destinationId)) ?? null
}
