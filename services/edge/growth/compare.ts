import { z } from 'zod'
import { column, columnsOf } from '#runtime/postgres/column.ts'
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
  company_measurements: z.array(z.int()),
  companies: z.array(z.int()),
})

/** `company_measurements`: ids of those of the companies that are compared, and `companies` those companies. */
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
  if (wanted !== null) return readMeasurements(database, companyIds, wanted, most, sql.fragment`true`)
  const isNumber = sql.fragment`m.type IN ('int', 'float')`
  const polar = await readFirst(database, companyIds, sql.fragment`k.polarity <> 'neither' AND ${isNumber}`, most)
  return polar.length > 0 ? polar : readFirst(database, companyIds, isNumber, most)
}

const candidateRow = z.object({ id: z.int(), is_heavy: z.boolean() })

/** Counting who has which measurement takes longest, so it starts with those that readers care for most. */
async function readFirst(database: Database, companyIds: readonly number[], isWanted: SqlFragment, most: number) {
  const candidates = await database.any(sql.type(candidateRow)`
    SELECT m.id, rank() OVER (ORDER BY k.weight DESC NULLS LAST) <= ${most} AS is_heavy
    FROM public.source_measurement m LEFT JOIN analyzer.meaning_view k ON k.source_measurement_id = m.id
    WHERE ${isWanted}`)
  const all = candidates.map(({ id }) => id)
  const heavy = candidates.filter(({ is_heavy }) => is_heavy).map(({ id }) => id)
  const found = await readMeasurements(database, companyIds, heavy, most, isComparable)
  return found.length === most || heavy.length === all.length
    ? found
    : readMeasurements(database, companyIds, all, most, isComparable)
}

/** Whether a measurement has a series that is of no list item: others are not compared. */
const isComparable = sql.fragment`EXISTS (SELECT FROM analyzer.series_view s
  WHERE s.company_measurement_id = ANY(c.company_measurements) AND s.item_key IS NULL)`

/** Of these measurements those that the companies have. */
async function readMeasurements(
  database: Database,
  companyIds: readonly number[],
  ids: readonly number[],
  most: number,
  condition: SqlFragment,
): Promise<readonly Measurement[]> {
  if (companyIds.length === 0 || ids.length === 0) return []
  return database.any(sql.type(measurementRow)`
    SELECT m.id, m.measurement_name AS name, json_build_object('id', d.id, 'name', d.source_name) AS source,
      coalesce(k.polarity, 'neither') AS polarity, coalesce(k.weight, 0) AS weight,
      c.company_measurements, c.companies
    FROM (
      SELECT source_measurement_id AS id, array_agg(company_measurement_id) AS company_measurements,
        array_agg(company_id) AS companies
      FROM public.company_source_measurement
      WHERE source_measurement_id = ANY(${column(ids, 'int4', (id) => id)})
        AND company_id = ANY(${column(companyIds, 'int4', (id) => id)}) GROUP BY 1
    ) c
    JOIN public.source_measurement m USING (id)
    JOIN public.data_source d ON d.id = m.source_module_id
    LEFT JOIN analyzer.meaning_view k ON k.source_measurement_id = m.id
    WHERE ${condition}
    ORDER BY k.weight DESC NULLS LAST, cardinality(c.company_measurements) DESC, m.id LIMIT ${most}`)
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
  measurements: readonly Measurement[],
  days: number,
): Promise<Map<number, Compared>> {
  const polarityOf = new Map(measurements.map(({ id, polarity }) => [id, polarity]))
  const each = columnsOf(
    measurements.flatMap(({ id, company_measurements, companies }) =>
      company_measurements.map((own, place) => ({ measurement: id, own, company: companies[place] as number })),
    ),
  )
  const series = sql.fragment`
    SELECT ${idOfSeries} AS series_id, m.company_id, m.source_measurement_id, m.company_measurement_id,
      s.subject_key AS subject_id, s.item_key AS item_id, s.observed_at
    FROM unnest(${each('int4', ({ own }) => own)}, ${each('int4', ({ company }) => company)},
      ${each('int4', ({ measurement }) => measurement)})
      AS m (company_measurement_id, company_id, source_measurement_id)
    CROSS JOIN LATERAL (
      SELECT * FROM analyzer.series_key_view s WHERE s.company_measurement_id = m.company_measurement_id
      -- A fence: joined, Postgres reads the states of all series.
      OFFSET 0
    ) s
    WHERE s.item_key IS NULL`
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
