import { z } from 'zod'
import { type Database, sql, type SqlFragment } from '#runtime/postgres/database.ts'
import { windows } from '../growth/grow.ts'
import { readGrowth } from '../growth/read-growth.ts'
import { idOfSeries } from '../growth/series-id.ts'
import { seriesFields, seriesItem } from './list-series.ts'
import { utcIso, utcTime } from '../http/time.ts'
import type { Viewer } from '../access/viewer.ts'
import { mayRead, maySeeInternals } from './may-read.ts'
import { newsPage, readNewestNews } from './news.ts'
import { changeSchema, describeChange } from './one-series.ts'
import { id } from './parameters.ts'

/** Rows of each list. `GET /api/v1/series` and `/news` have all. */
const most = { series: 500, items: 50, news: 20, itemNumbers: 10 }

export const companyParams = z.object({ company_id: id })

const companySource = z.object({
  id: z.int(),
  name: z.string(),
  active: z.boolean().describe('Whether the source crawls this company.'),
  observed_at: utcTime.nullable().describe('The newest payload; null: none has come.'),
  every_ms: z.number().nullable().describe('How often payloads usually come, where that is known.'),
  fed: z.int().describe('Payloads that runs have sent.'),
  failed_runs: z.int().describe('Runs in a row that failed for this company.'),
  reason: z.string().nullable().describe('What the module said, for operators.'),
})

const item = z.object({
  item: z.string(),
  measurement: z.string().describe('One of those of the item.'),
  series: z.int(),
  observed_at: utcTime.describe('Of its newest value.'),
})

export const companyDetail = z.object({
  id: z.int(),
  name: z.string(),
  description: z.string().nullable(),
  sources: z.array(companySource),
  series: z
    .array(z.object({ ...seriesItem.omit({ company: true }).shape, growth: z.array(changeSchema) }))
    .describe(`Those of no list item, at most ${most.series}.`),
  items: z.array(item).describe(`List items, those with the newest values first, at most ${most.items}.`),
  news: newsPage.shape.news.describe('The newest ones.'),
})

export type CompanyDetail = z.output<typeof companyDetail>

/** Null: there is none with this id, or the viewer may not read it. */
export async function readCompany(database: Database, viewer: Viewer, id: number): Promise<CompanyDetail | null> {
  const company = await readName(database, viewer, id)
  if (company === null) return null
  const [sources, series, items, news] = await Promise.all([
    readSources(database, viewer, id),
    readSeriesOf(database, id),
    readItems(database, id),
    readNewestNews(database, viewer, { company: id }, most.news),
  ])
  return { ...company, sources: [...sources], series, items: [...items], news }
}

const nameRow = companyDetail.pick({ id: true, name: true, description: true })

/** Null: there is none with this id, or the viewer may not read it. */
export function readName(database: Database, viewer: Viewer, id: number) {
  return database.maybeOne(sql.type(nameRow)`
    SELECT c.id, c.name, c.description FROM public.company c
    WHERE c.id = ${id} AND ${mayRead(viewer, sql.fragment`c.id`)}`)
}

/** Reasons are what modules say, and for operators. */
export function readSources(database: Database, viewer: Viewer, companyId: number) {
  return database.any(sql.type(companySource)`
    SELECT d.id, d.source_name AS name, d.is_active AND l.is_data_source_active AS active,
      ${utcIso(sql.fragment`f.observed_at`)} AS observed_at, f.every_ms, coalesce(s.fed, 0) AS fed,
      coalesce(s.failed_runs, 0) AS failed_runs,
      CASE WHEN ${maySeeInternals(viewer)} THEN s.reason END AS reason
    FROM public.company_data_source l
    JOIN public.data_source d ON d.id = l.data_source_id
    LEFT JOIN analyzer.feed_view f ON f.data_source_id = d.id AND f.company_id = l.company_id
    LEFT JOIN scheduler.company_source_view s ON s.data_source_id = d.id AND s.company_id = l.company_id
    WHERE l.company_id = ${companyId} ORDER BY d.id`)
}

async function readSeriesOf(database: Database, companyId: number): Promise<CompanyDetail['series']> {
  const [series, growth] = await Promise.all([
    database.any(sql.type(seriesItem)`
      SELECT ${seriesFields} FROM analyzer.series_view s WHERE s.company_id = ${companyId} AND s.item_key IS NULL
      ORDER BY s.company_measurement_id, s.subject_key LIMIT ${most.series}`),
    readGrowth(
      database,
      sql.fragment`
        SELECT ${idOfSeries} AS series_id, s.company_id, s.source_measurement_id, s.company_measurement_id,
          s.subject_key AS subject_id, s.item_key AS item_id, s.observed_at
        FROM analyzer.series_view s
        WHERE s.company_id = ${companyId} AND s.item_key IS NULL AND s.type IN ('int', 'float')
        ORDER BY s.company_measurement_id, s.subject_key LIMIT ${most.series}`,
      windows,
    ),
  ])
  const grown = new Map(growth.map((one) => [one.seriesId, one.changes.map(describeChange)]))
  return series.map(({ company: _, ...one }) => ({ ...one, growth: grown.get(one.series_id) ?? [] }))
}

function readItems(database: Database, companyId: number) {
  return database.any(sql.type(item)`
    SELECT s.item_key AS item, min(s.measurement_name) AS measurement, count(*)::int AS series,
      ${utcIso(sql.fragment`max(s.observed_at)`)} AS observed_at
    FROM analyzer.series_view s WHERE s.company_id = ${companyId} AND s.item_key IS NOT NULL
    GROUP BY s.data_source_id, s.subject_key, s.item_key ORDER BY max(s.observed_at) DESC, s.item_key LIMIT ${most.items}`)
}

const itemNumbers = z.object({
  measurement: z.string().nullable(),
  /** When the lists were observed, ms since 1970: there is one for each subject. */
  from: z.number(),
  to: z.number(),
  has_subjects: z.boolean(),
  /** The largest. */
  items: z.array(z.object({ item: z.string(), subject: z.string(), value: z.number() })),
  others: z.object({ count: z.int(), sum: z.number() }),
})
export type ItemNumbers = z.output<typeof itemNumbers>

/**
 * The numbers of list items, of the one measurement that readers care for most: those in the newest list with items that
 * each subject has had. A list that becomes empty has no values, so the items before stay. Null: there are none.
 */
export function readItemNumbers(database: Database, companyId: number): Promise<ItemNumbers | null> {
  const ms = (time: SqlFragment) => sql.fragment`(extract(epoch FROM ${time}) * 1000)::float8`
  // The sum is limited because it may be too large for a float8.
  return database.maybeOne(sql.type(itemNumbers)`
    WITH listed AS (
      SELECT s.source_measurement_id, s.measurement_name, s.subject_key, s.item_key, s.value::float8 AS value,
        s.observed_at, max(s.observed_at) OVER (PARTITION BY s.source_measurement_id, s.subject_key) AS newest
      FROM analyzer.series_view s
      WHERE s.company_id = ${companyId} AND s.item_key IS NOT NULL AND s.type IN ('int', 'float')
        AND s.value ~ '^-?[0-9]+([.][0-9]+)?(e[+-]?[0-9]+)?$'
    ), chosen AS (
      SELECT source_measurement_id FROM listed LEFT JOIN analyzer.meaning_view k USING (source_measurement_id)
      WHERE observed_at = newest GROUP BY source_measurement_id
      ORDER BY max(coalesce(k.weight, 0)) DESC, count(*) DESC, source_measurement_id LIMIT 1
    ), ranked AS (
      SELECT listed.*, row_number() OVER (ORDER BY abs(value) DESC, item_key, subject_key) AS rank
      FROM listed JOIN chosen USING (source_measurement_id) WHERE observed_at = newest
    )
    SELECT min(measurement_name) AS measurement, ${ms(sql.fragment`min(observed_at)`)} AS "from",
      ${ms(sql.fragment`max(observed_at)`)} AS "to", count(DISTINCT subject_key) > 1 AS has_subjects,
      json_agg(json_build_object('item', item_key, 'subject', subject_key, 'value', value) ORDER BY rank)
        FILTER (WHERE rank <= ${most.itemNumbers}) AS items,
      json_build_object('count', count(*) FILTER (WHERE rank > ${most.itemNumbers}), 'sum', greatest(-1e308, least(1e308,
        coalesce(sum(value::numeric) FILTER (WHERE rank > ${most.itemNumbers}), 0)))::float8) AS others
    FROM ranked HAVING count(*) > 0`)
}
