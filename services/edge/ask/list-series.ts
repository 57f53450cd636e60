import { z } from 'zod'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { idOfSeries } from '../growth/series-id.ts'
import { asCell } from '../http/csv.ts'
import { type Asked, cutPage, readCursor } from '../http/cursor.ts'
import { utcIso, utcTime } from '../http/time.ts'
import type { Viewer } from '../access/viewer.ts'
import { mayRead } from './may-read.ts'
import { allOf, contains, named } from './names.ts'
import { format, id, paging, words } from './parameters.ts'

export const seriesQuery = z.object({
  company: id.optional(),
  source: id.optional(),
  measurement: id.optional().describe('A measurement of a source.'),
  q: words.optional().describe('Part of the name of a measurement or list item.'),
  items: z.enum(['any', 'true', 'false']).default('any').describe('Whether series of list items are listed.'),
  ...paging,
  format,
})

export type SeriesQuery = z.output<typeof seriesQuery>

export const seriesItem = z.object({
  series_id: z.string(),
  company: named,
  source: named,
  measurement: z.object({ ...named.shape, type: z.string() }),
  subject: z.string().nullable().describe('What the payloads are about, where a company has several subjects.'),
  item: z.string().nullable(),
  value: z.string().nullable().describe('The newest one.'),
  observed_at: utcTime,
  detector: z
    .object({
      state: z.string(),
      points: z.int().nullable(),
      kind: z.string().nullable(),
      score: z.number().nullable(),
      reason: z.string().nullable(),
    })
    .describe('How the detectors judge the series, and what they said of its newest value.'),
})

export type SeriesItem = z.output<typeof seriesItem>

export const seriesPage = z.object({ series: z.array(seriesItem), next: z.string().nullable() })

/** The view writes dates in the time zone and style of the session. */
const value = sql.fragment`CASE WHEN s.type = 'date' AND s.value ~ '^\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d'
  THEN ${utcIso(sql.fragment`s.value::timestamptz`)} ELSE s.value END`

/** Columns of SeriesItem. */
export const seriesFields = sql.fragment`
  ${idOfSeries} AS series_id, json_build_object('id', s.company_id, 'name', s.company_name) AS company,
  json_build_object('id', s.data_source_id, 'name', s.source_name) AS source,
  json_build_object('id', s.source_measurement_id, 'name', s.measurement_name, 'type', s.type) AS measurement,
  nullif(s.subject_key, '') AS subject, s.item_key AS item, ${value} AS value,
  ${utcIso(sql.fragment`s.observed_at`)} AS observed_at,
  json_build_object('state', s.state, 'points', s.points, 'kind', s.kind, 'score', s.score, 'reason', s.reason) AS detector`

const position = z.tuple([z.int(), z.string()])
const placedRow = z.object({ ...seriesItem.shape, company_measurement_id: z.int() })

/** In the order of their ids. Throws an HttpError with 400 for a wrong cursor. */
export async function listSeries(
  database: Database,
  viewer: Viewer,
  query: SeriesQuery,
  asked: Asked,
): Promise<z.output<typeof seriesPage>> {
  const { company, source, measurement, q, items, limit, cursor } = query
  const after = cursor === undefined ? null : readCursor(position, asked, cursor)
  const isAfter =
    after &&
    sql.fragment`s.company_measurement_id >= ${after[0]}::bigint
      AND (s.company_measurement_id, ${idOfSeries}) > (${after[0]}::bigint, ${after[1]})`
  const found = await database.any(sql.type(placedRow)`
    SELECT ${seriesFields}, s.company_measurement_id FROM analyzer.series_view s
    WHERE ${allOf([
      mayRead(viewer, sql.fragment`s.company_id`),
      company === undefined ? null : sql.fragment`s.company_id = ${company}`,
      source === undefined ? null : sql.fragment`s.data_source_id = ${source}`,
      measurement === undefined ? null : sql.fragment`s.source_measurement_id = ${measurement}`,
      q === undefined
        ? null
        : sql.fragment`(${contains(sql.fragment`s.measurement_name`, q)} OR ${contains(sql.fragment`s.item_key`, q)})`,
      items === 'any' ? null : sql.fragment`(s.item_key IS NOT NULL) = ${items === 'true'}`,
      isAfter,
    ])}
    ORDER BY s.company_measurement_id, ${idOfSeries} LIMIT ${limit + 1}`)
  const { rows, next } = cutPage(asked, found, limit, (row) => [row.company_measurement_id, row.series_id])
  return { series: rows.map(({ company_measurement_id: _, ...item }) => item), next }
}

/** Columns of the CSV file. */
export const seriesColumns = [
  ...(['series_id', 'company_id', 'company', 'source', 'measurement', 'type', 'subject', 'item', 'value'] as const),
  ...(['observed_at', 'state', 'score', 'reason'] as const),
] as const

/** A series as a row of a table. */
export function flattenSeries({ company, source, measurement, detector, ...item }: SeriesItem) {
  const { state, score, reason } = detector
  return {
    ...{ ...item, state, score, reason, company_id: company.id, company: company.name, source: source.name },
    ...{ measurement: measurement.name, type: measurement.type, value: asCell(item.value) },
  }
}
