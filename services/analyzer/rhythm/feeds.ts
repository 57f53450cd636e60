import { z } from 'zod'
import { columnsOf } from '#runtime/postgres/column.ts'
import { type Database, sql, type Transaction } from '#runtime/postgres/database.ts'
import { isCounted } from '../suspect/withheld.ts'
import { newestPayloads } from '../values/newest-payloads.ts'
import { type FeedKey, keyColumns, sourcesOf } from './due-feeds.ts'
import type { Feed } from './judge-feeds.ts'
import { learnRhythm, type Rhythm } from './learn-rhythm.ts'
import { type Activity, measureMovement, type Movement } from './measure-movement.ts'

/** So many of the newest payloads of a feed are looked at. */
const payloadsBack = 120

const activityRow = z.object({
  data_source_id: z.number(),
  company_id: z.number(),
  subject_key: z.string(),
  at: z.number(),
  compared: z.number(),
  moved: z.number(),
})

/**
 * Learns rhythm and movement of these feeds anew from their values, up to what was judged, and has forecasts made. A payload
 * that is withheld or was dropped came in its time, and moved nothing.
 */
export async function measureFeeds(tx: Transaction, feeds: readonly FeedKey[]): Promise<void> {
  const rows = await tx.any(sql.type(activityRow)`
    SELECT f.data_source_id, f.company_id, a.* FROM ${keyColumns(feeds)} AS k (data_source_id, company_id)
    JOIN analyzer.feed f USING (data_source_id, company_id)
    CROSS JOIN LATERAL (
      SELECT subject_key, (extract(epoch FROM observed_at) * 1000)::float8 AS at,
        (count(*) FILTER (WHERE before IS NOT NULL OR NOT counts))::int AS compared,
        (count(*) FILTER (WHERE counts AND number <> before))::int AS moved
      FROM (
        SELECT v.event_no, v.observed_at, v.subject_key, v.number, v.counts, lag(v.number) OVER (
          PARTITION BY v.company_measurement_id, v.subject_key, v.item_key, v.counts
          ORDER BY v.observed_at, v.event_no, v.seq
        ) AS before
        FROM public.company_source_measurement s
        JOIN public.source_measurement m ON m.id = s.source_measurement_id
        CROSS JOIN LATERAL (${newestPayloads(payloadsBack)}) w
        CROSS JOIN LATERAL (
          SELECT v.*, ${isCounted} AS counts FROM normalizer.value v
          WHERE v.company_measurement_id = s.company_measurement_id AND v.observed_at BETWEEN w.since AND f.observed_at
        ) v
        WHERE m.source_module_id = f.data_source_id AND s.company_id = f.company_id
          AND v.type IN ('int', 'float') AND abs(v.number) < 'Infinity'
      ) v GROUP BY event_no, observed_at, subject_key
    ) a
    ORDER BY a.at`)
  const before = await readMovements(tx, feeds)
  const found = [...Map.groupBy(rows, nameOf)]
  const column = columnsOf(
    found.map(([name, activities]) => ({ ...activities[0]!, ...measure(activities, before.get(name) ?? null) })),
  )
  await tx.query(sql.unsafe`
    UPDATE analyzer.feed f
    SET rhythm = n.rhythm, movement = n.movement, forecasts_due = coalesce(f.forecasts_due, now())
    FROM unnest(
      ${column('int4', (one) => one.data_source_id)},
      ${column('int4', (one) => one.company_id)},
      ${column('jsonb', ({ rhythm }) => rhythm && JSON.stringify(rhythm))},
      ${column('jsonb', ({ movement }) => JSON.stringify(movement))}
    ) AS n (data_source_id, company_id, rhythm, movement)
    WHERE f.data_source_id = n.data_source_id AND f.company_id = n.company_id`)
}

const nameOf = ({ data_source_id, company_id }: FeedKey) => `${data_source_id}/${company_id}`

const movementRow = z.object({
  data_source_id: z.number(),
  company_id: z.number(),
  movement: z.custom<Movement | null>(),
})

/** What was measured of these feeds last. */
async function readMovements(tx: Transaction, feeds: readonly FeedKey[]): Promise<Map<string, Movement | null>> {
  const rows = await tx.any(sql.type(movementRow)`
    SELECT data_source_id, company_id, movement
    FROM ${keyColumns(feeds)} AS k (data_source_id, company_id) JOIN analyzer.feed USING (data_source_id, company_id)`)
  return new Map(rows.map((row) => [nameOf(row), row.movement]))
}

/** The rhythm is that of the subject whose payload came last: those of one run come at nearly the same time. */
function measure(activities: readonly (Activity & { subject_key: string })[], before: Movement | null) {
  const { subject_key } = activities.at(-1)!
  const times = activities.filter((one) => one.subject_key === subject_key).map(({ at }) => at)
  const rhythm = learnRhythm(times)
  return { rhythm, movement: measureMovement(activities, rhythm, before) }
}

const feedRow = z.object({
  data_source_id: z.number(),
  company_id: z.number(),
  observed_at: z.number(),
  came_at: z.number().nullable(),
  live: z.boolean(),
  // Both written here alone.
  rhythm: z.custom<Rhythm | null>(),
  movement: z.custom<Movement | null>(),
})
const columns = sql.fragment`data_source_id, company_id, observed_at, came_at, live, rhythm, movement`

/** These feeds, as far as their movement is known, by source. */
export async function readFeeds(tx: Transaction, feeds: readonly FeedKey[]): Promise<Map<number, Feed[]>> {
  return bySource(
    await tx.any(sql.type(feedRow)`
      SELECT ${columns} FROM ${keyColumns(feeds)} AS k (data_source_id, company_id)
      JOIN analyzer.feed USING (data_source_id, company_id) ORDER BY data_source_id, company_id`),
  )
}

/** The same of all companies of the sources of `feeds`, or of all sources. */
export async function readAllFeeds(
  connection: Pick<Database, 'any'>,
  feeds: readonly FeedKey[] | null,
): Promise<Map<number, Feed[]>> {
  const isAsked = feeds === null ? sql.fragment`true` : sql.fragment`data_source_id = ANY(${sourcesOf(feeds)})`
  return bySource(
    await connection.any(sql.type(feedRow)`
      SELECT ${columns} FROM analyzer.feed WHERE ${isAsked} ORDER BY data_source_id, company_id`),
  )
}

function bySource(rows: readonly z.infer<typeof feedRow>[]): Map<number, Feed[]> {
  return new Map(
    [...Map.groupBy(rows, ({ data_source_id }) => data_source_id)].map(([source, list]) => [
      source,
      list.flatMap(({ company_id: company, observed_at: at, came_at: cameAt, live, rhythm, movement }) =>
        movement ? [{ company, at, cameAt, live, rhythm, movement }] : [],
      ),
    ]),
  )
}
