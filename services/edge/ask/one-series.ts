import { z } from 'zod'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { lenient } from '../http/validation.ts'
import { type Change, gaps, type Polarity, windows } from '../growth/grow.ts'
import { type Disturbance, disturbanceKinds, readDisturbances } from '../growth/read-disturbances.ts'
import { readForecasts } from '../growth/read-forecasts.ts'
import { readGrowth } from '../growth/read-growth.ts'
import { idOfSeries, type SeriesKeys, seriesIdPattern } from '../growth/series-id.ts'
import { type Asked, cutPage, readCursor } from '../http/cursor.ts'
import { seriesFields, seriesItem } from './list-series.ts'
import { utcIso, utcTime } from '../http/time.ts'
import type { Viewer } from '../access/viewer.ts'
import { mayRead } from './may-read.ts'
import { allOf } from './names.ts'
import { newsPage, readNewestNews } from './news.ts'
import { backward, format, isForward, paging, period, time, timeOf } from './parameters.ts'

/** Values of a page, and news items beside them. */
const points = { usual: 500, most: 5000 }
const newsBeside = 20

export const seriesParams = z.object({
  // `.csv` at the end asks for a file.
  series_id: z.string().regex(new RegExp(seriesIdPattern.source.replace('$', '(\\.csv)?$'))),
})

export const pointsQuery = z
  .object({
    ...period,
    limit: lenient(z.int32().min(1).max(points.most)).default(points.usual).describe('Values of a page, newest first.'),
    cursor: paging.cursor,
    format,
  })
  .refine(isForward, backward)

export type PointsQuery = z.output<typeof pointsQuery>

export const changeSchema = z.object({
  days: z.int(),
  previous: z.number().nullable(),
  previous_at: utcTime.nullable(),
  change: z.number().nullable(),
  percent: z.number().nullable(),
  gap: z.enum(gaps).nullable().describe('Why there is no percentage.'),
})

const point = z.object({
  observed_at: utcTime,
  value: z.union([z.number(), z.string(), z.array(z.string())]).nullable(),
  exact: z.string().nullable().describe('The number as it was sent, where `value` cannot hold all its digits.'),
  event_id: z.string().nullable(),
  document: z.string().nullable().describe('The path of the raw document in Firestore.'),
  seq: z.int().describe('Place of the value in its payload.'),
  changed: z
    .enum(['replayed', 'corrected'])
    .nullable()
    .describe('Whether it was read again or corrected since; null: it is as it was stored first.'),
})

const forecast = z.object({
  steps: z.int(),
  for_time: utcTime,
  value: z.number(),
  low: z.number().nullable(),
  high: z.number().nullable(),
  mean_error: z.number().nullable(),
  model: z.string(),
  made_at: utcTime,
})

const disturbance = z.object({
  kind: z.enum(disturbanceKinds),
  from: utcTime,
  to: utcTime.nullable().describe('Null: it goes on.'),
})

export const seriesDetail = z.object({
  ...seriesItem.shape,
  points: z.array(point).describe('In the order of time.'),
  forecast: z.array(forecast).describe('8 of 10 values lie from low to high.'),
  disturbances: z
    .array(disturbance)
    .describe('When the source was down or late, and suspect payloads, which do not count.'),
  growth: z.array(changeSchema).describe('To the newest value; empty where values are no numbers.'),
  news: newsPage.shape.news.describe('The newest ones.'),
  next: z.string().nullable().describe('The cursor of the values before these; null: there are none.'),
})

export type SeriesDetail = z.output<typeof seriesDetail>

/** What disturbed the source of a series, with times in ms since 1970, as pictures shade it. */
export function disturbancesOf({ disturbances }: Pick<SeriesDetail, 'disturbances'>): Omit<Disturbance, 'sourceId'>[] {
  return disturbances.map(({ kind, from, to }) => ({
    ...{ kind, from: Date.parse(from), to: to === null ? null : Date.parse(to) },
  }))
}

const headRow = z.object({
  ...seriesItem.shape,
  company_measurement_id: z.int(),
  subject_key: z.string(),
  item_key: z.string().nullable(),
  event_no: z.int(),
  polarity: z.enum(['good', 'bad', 'neither']),
})

/** A series without its past. `newestNo`: the number of the event with its newest value. */
export type SeriesHead = { series: z.output<typeof seriesItem>; keys: SeriesKeys; newestNo: number; polarity: Polarity }

/** Null: there is none with this id, or the viewer may not read it. */
export async function readSeriesHead(database: Database, viewer: Viewer, id: string): Promise<SeriesHead | null> {
  const found = await database.maybeOne(sql.type(headRow)`
    SELECT ${seriesFields}, s.company_measurement_id, s.subject_key, s.item_key, s.event_no,
      coalesce((
        SELECT polarity FROM analyzer.meaning_view m WHERE m.source_measurement_id = s.source_measurement_id
      ), 'neither') AS polarity
    FROM analyzer.series_view s
    WHERE s.company_measurement_id = ${id.split('-')[0]!}::bigint AND ${idOfSeries} = ${id}
      AND ${mayRead(viewer, sql.fragment`s.company_id`)} LIMIT 1`)
  if (found === null) return null
  const { company_measurement_id, subject_key, item_key, event_no: newestNo, polarity, ...series } = found
  return { series, keys: { company_measurement_id, subject_key, item_key }, newestNo, polarity }
}

/** The same with its values and news items. */
export async function readSeries(
  database: Database,
  viewer: Viewer,
  id: string,
  query: PointsQuery,
  asked: Asked,
): Promise<SeriesDetail | null> {
  const head = await readSeriesHead(database, viewer, id)
  if (head === null) return null
  const [past, news] = await Promise.all([
    readPast(database, head, query, asked),
    readNewestNews(database, viewer, { series: id }, newsBeside),
  ])
  return { ...past, news }
}

/** The values of a series, what disturbed its source, its growth and its forecast. */
export async function readPast(
  database: Database,
  { series, keys }: SeriesHead,
  query: PointsQuery,
  asked: Asked,
): Promise<Omit<SeriesDetail, 'news'>> {
  const self = sql.fragment`
    SELECT ${series.series_id} AS series_id, ${series.company.id}::int AS company_id,
      ${series.measurement.id}::int AS source_measurement_id, ${keys.company_measurement_id}::int AS company_measurement_id,
      ${keys.subject_key} AS subject_id, ${keys.item_key}::text AS item_id,
      ${series.observed_at}::timestamptz AS observed_at`
  const of = { company: series.company.id, source: series.source.id, series: keys }
  const [page, forecasts, disturbances, [growth]] = await Promise.all([
    readPoints(database, keys, query, asked),
    readForecasts(database, keys),
    readDisturbances(database, of, Date.parse(timeOf(query.since) ?? earliestTime)),
    readGrowth(database, self, windows),
  ])
  return {
    ...{ ...series, ...page, growth: growth?.changes.map(describeChange) ?? [] },
    forecast: forecasts.map((one) => ({ ...one, for_time: isoOf(one.for_time), made_at: isoOf(one.made_at) })),
    disturbances: disturbances.map(({ kind, from, to }) => ({
      kind,
      from: isoOf(from),
      to: to === null ? null : isoOf(to),
    })),
  }
}

/** Long before any value. */
const earliestTime = '1000-01-01T00:00:00Z'
const isoOf = (at: number) => new Date(at).toISOString()

/** A change as responses have it. */
export function describeChange({ days, previous, change, percent, gap }: Change): z.output<typeof changeSchema> {
  const at = previous && new Date(previous.at).toISOString()
  return { days, previous: previous?.value ?? null, previous_at: at, change, percent, gap }
}

const position = z.tuple([utcTime.pipe(time), z.int(), z.int()])
const placedPoint = z.object({ ...point.shape, event_no: z.int() })

async function readPoints(database: Database, keys: SeriesKeys, query: PointsQuery, asked: Asked) {
  const [since, until] = [timeOf(query.since), timeOf(query.until)]
  const before = query.cursor === undefined ? null : readCursor(position, asked, query.cursor)
  const found = await database.any(sql.type(placedPoint)`
    SELECT ${utcIso(sql.fragment`v.observed_at`)} AS observed_at,
      CASE WHEN v.number IS NOT NULL THEN to_json(v.number) WHEN v.date IS NOT NULL THEN to_json(${utcIso(sql.fragment`v.date`)})
        WHEN v.members IS NOT NULL THEN to_json(v.members) ELSE to_json(v.text) END AS value,
      CASE WHEN v.number IS NOT NULL THEN v.text END AS exact, l.event_id, l.document, v.event_no, v.seq,
      CASE WHEN b.replay_id LIKE 'correction/%' THEN 'corrected' WHEN v.brought_by IS NOT NULL THEN 'replayed' END AS changed
    FROM normalizer.value_view v LEFT JOIN normalizer.lineage l ON l.event_no = v.event_no
      LEFT JOIN normalizer.lineage b ON b.event_no = v.brought_by
    WHERE ${allOf([
      sql.fragment`v.company_measurement_id = ${keys.company_measurement_id}`,
      sql.fragment`v.subject_id = ${keys.subject_key} AND v.item_id IS NOT DISTINCT FROM ${keys.item_key}`,
      since === null ? null : sql.fragment`v.observed_at >= ${since}::timestamptz`,
      until === null ? null : sql.fragment`v.observed_at < ${until}::timestamptz`,
      before &&
        sql.fragment`v.observed_at <= ${before[0]}::timestamptz
          AND (v.observed_at, v.event_no, v.seq) < (${before[0]}::timestamptz, ${before[1]}::bigint, ${before[2]}::bigint)`,
    ])}
    ORDER BY v.observed_at DESC, v.event_no DESC, v.seq DESC LIMIT ${query.limit + 1}`)
  const { rows, next } = cutPage(asked, found, query.limit, (row) => [row.observed_at, row.event_no, row.seq])
  return { points: rows.map(({ event_no: _, ...point }) => point).reverse(), next }
}

/** Columns of the CSV file. */
export const pointColumns = ['observed_at', 'value', 'exact', 'event_id', 'document'] as const

/** A value as a row of a table. */
export function flattenPoint({ value, ...rest }: SeriesDetail['points'][number]) {
  return { ...rest, value: Array.isArray(value) ? value.join('; ') : value }
}
