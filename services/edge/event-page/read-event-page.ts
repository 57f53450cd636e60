import { z } from 'zod'
import { type Database, sql } from '#runtime/postgres/database.ts'

const payloadRow = z.object({
  document: z.string(),
  source_name: z.string(),
  company: z.string().nullable(),
  map_version: z.number().nullable(),
  received_at: z.number(),
  observed_at: z.number().nullable(),
  history: z.boolean(),
  stored: z.number(),
  nulls: z.number(),
  unmapped: z.number(),
  refused: z.number(),
  replays: z.number(),
})
const valueRow = z.object({
  path: z.string(),
  item_key: z.string().nullable(),
  measurement: z.string().nullable(),
  type: z.string(),
  value: z.string().nullable(),
})
const newsRow = z.object({ news_id: z.string(), title: z.string(), severity: z.string(), silent: z.boolean() })
const deliveryRow = z.object({
  delivery_id: z.string(),
  channel: z.string(),
  state: z.string(),
  reason: z.string().nullable(),
  at: z.number(),
})

/** What became of an event, beside its stages. `payload` null: the normalizer has not seen it. */
export type EventParts = {
  payload: z.output<typeof payloadRow> | null
  values: readonly z.output<typeof valueRow>[]
  news: readonly z.output<typeof newsRow>[]
  deliveries: readonly z.output<typeof deliveryRow>[]
}

/** Rows of each table of the page. */
export const mostRows = 50

/** Reads values, news items and deliveries of an event from what their services keep for others. */
export async function readEventParts(database: Database, eventId: string): Promise<EventParts> {
  const [payload, values, news, deliveries] = await Promise.all([
    database.maybeOne(sql.type(payloadRow)`
      SELECT l.document, l.source_name, c.name AS company, l.map_version, l.received_at, l.observed_at, l.history,
        l.stored, l.nulls, l.unmapped, l.refused,
        (SELECT count(*)::int FROM normalizer.lineage r WHERE r.event_id = l.event_id AND r.replay_id <> '') AS replays
      FROM normalizer.lineage l LEFT JOIN public.company c ON c.id::text = l.company_id
      WHERE l.event_id = ${eventId} ORDER BY l.event_no LIMIT 1`),
    database.any(sql.type(valueRow)`
      SELECT v.path, v.item_key, m.measurement_name AS measurement, v.type,
        left(coalesce(v.text, v.number::text, to_char(v.date AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), array_to_string(v.members, ', ')), 200) AS value
      FROM normalizer.lineage l
      JOIN normalizer.value v ON v.event_no = l.event_no AND v.observed_at = l.observed_at
      LEFT JOIN public.source_measurement m ON m.id = v.source_measurement_id
      WHERE l.event_id = ${eventId} AND l.replay_id = '' ORDER BY v.seq LIMIT ${mostRows}`),
    database.any(sql.type(newsRow)`
      SELECT news_id, title, severity, silent FROM analyzer.news_view
      WHERE event_id = ${eventId} ORDER BY importance DESC NULLS LAST, news_id LIMIT ${mostRows}`),
    database.any(sql.type(deliveryRow)`
      SELECT delivery_id::text, channel, state, reason, coalesce(settled_at, created_at) AS at
      FROM notifier.delivery_status WHERE event_id = ${eventId} ORDER BY created_at DESC, delivery_id LIMIT ${mostRows}`),
  ])
  return { payload, values, news, deliveries }
}
