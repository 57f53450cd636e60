import { z } from 'zod'
import { column } from '#runtime/postgres/column.ts'
import { type Database, sql, type SqlFragment } from '#runtime/postgres/database.ts'
import { type Change, meanOfRanks, type Point, rankGrowth, type Ranked } from './grow.ts'
import { readGrowth } from './read-growth.ts'
import { idOfSeries } from './series-id.ts'

/** Measurements that companies are compared by at once. */
export const mostMeasurements = 8

const measurementRow = z.object({
  id: z.int(),
  name: z.string(),
  source: z.object({ id: z.int(), name: z.string().nullable() }),
  polarity: z.enum(['good', 'bad', 'neither']),
  weight: z.number(),
})

export type Measurement = z.output<typeof measurementRow>

/**
 * The measurements that companies are compared by: `wanted`, or those of numbers of which more is good or bad, else any of
 * numbers: first those that readers care for most, of them those that most of the companies have, at most `most`.
 */
export async function chooseMeasurements(
  database: Database,
  companyIds: readonly number[],
  wanted: readonly number[] | null,
  most = mostMeasurements,
): Promise<readonly Measurement[]> {
  const read = (isWanted: SqlFragment) => readMeasurements(database, companyIds, isWanted, most)
  if (wanted !== null) return read(sql.fragment`m.id = ANY(${column(wanted, 'int4', (id) => id)})`)
  const isNumber = sql.fragment`m.type IN ('int', 'float')`
  const polar = await read(sql.fragment`k.polarity <> 'neither' AND ${isNumber}`)
  return polar.length > 0 ? polar : read(isNumber)
}

function readMeasurements(
  database: Database,
  companyIds: readonly number[],
  isWanted: SqlFragment,
  most: number,
): Promise<readonly Measurement[]> {
  return database.any(sql.type(measurementRow)`
    SELECT m.id, m.measurement_name AS name, json_build_object('id', d.id, 'name', d.source_name) AS source,
      coalesce(k.polarity, 'neither') AS polarity, coalesce(k.weight, 0) AS weight
    FROM (
      SELECT source_measurement_id AS id, count(*) AS companies FROM public.company_source_measurement
      WHERE company_id = ANY(${column(companyIds, 'int4', (id) => id)}) GROUP BY 1
    ) c
    JOIN public.source_measurement m USING (id)
    JOIN public.data_source d ON d.id = m.source_module_id
    LEFT JOIN analyzer.meaning_view k ON k.source_measurement_id = m.id
    WHERE ${isWanted}
    ORDER BY k.weight DESC NULLS LAST, c.companies DESC, m.id LIMIT ${most}`)
}

/** A series of a company, and its rank among those of the others. */
export type Part = Ranked<{
  seriesId: string
  companyId: number
  measurementId: number
  polarity: Measurement['polarity']
  newest: Point
  change: Change
}>

/** A company and its momentum: the mean of the ranks of its parts, from 0 to 100. Null: it is ranked nowhere. */
export type Compared = { momentum: number | null; parts: Part[] }

/** How companies grew over `days`, by their ids. Series of list items do not count. */
export async function compareCompanies(
  database: Database,
  companyIds: readonly number[],
  measurements: readonly Measurement[],
  days: number,
): Promise<Map<number, Compared>> {
  const polarityOf = new Map(measurements.map(({ id, polarity }) => [id, polarity]))
  const series = sql.fragment`
    SELECT ${idOfSeries} AS series_id, s.company_id, s.source_measurement_id, s.company_measurement_id,
      s.subject_key AS subject_id, s.item_key AS item_id
    FROM analyzer.series_view s
    WHERE s.source_measurement_id = ANY(${column(measurements, 'int4', ({ id }) => id)})
      AND s.company_id = ANY(${column(companyIds, 'int4', (id) => id)}) AND s.item_key IS NULL`
  const growth = measurements.length === 0 ? [] : await readGrowth(database, series, [days])
  const parts = rankGrowth(
    growth.flatMap(({ changes: [change], ...one }) => {
      const polarity = polarityOf.get(one.measurementId)
      return change && polarity ? [{ ...one, polarity, change }] : []
    }),
  )
  const byCompany = Map.groupBy(parts, ({ companyId }) => companyId)
  return new Map([...byCompany].map(([id, parts]) => [id, { momentum: meanOfRanks(parts), parts }]))
}
