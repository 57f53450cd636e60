import { z } from 'zod'
import { column } from '#runtime/postgres/column.ts'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { type AddedSeries, type SeriesCache, type SeriesIds, seriesKey } from './series-cache.ts'

/** The measurements of one company and source that need a series. */
type SeriesNeed = { companyId: number; dataSourceId: number; measurementIds: readonly number[] }

/**
 * The series of one batch. One is missing if its measurement or company is gone, or the measurement is of another
 * source.
 */
export type FoundSeries = { of(companyId: number, dataSourceId: number): SeriesIds; added: AddedSeries }

const seriesRow = z.object({
  company_id: z.number(),
  data_source_id: z.number(),
  source_measurement_id: z.number(),
  company_measurement_id: z.number().nullable(),
})
type SeriesRow = z.infer<typeof seriesRow>

/**
 * Finds series and creates missing ones. No key makes them unique, so a lock per company lets transactions take turns.
 */
export async function resolveSeries(
  tx: Transaction,
  needs: readonly SeriesNeed[],
  cache: SeriesCache,
): Promise<FoundSeries> {
  const added: AddedSeries = new Map()
  const missing = new Map<string, SeriesRow>()
  for (const { companyId, dataSourceId, measurementIds } of needs) {
    const ids = cache.get(seriesKey(companyId, dataSourceId))
    for (const id of measurementIds) {
      if (ids?.has(id)) continue
      const row = {
        company_id: companyId,
        data_source_id: dataSourceId,
        source_measurement_id: id,
        company_measurement_id: null,
      }
      missing.set(`${companyId}/${dataSourceId}/${id}`, row)
    }
  }
  if (missing.size > 0)
    for (const row of await getOrCreate(tx, [...missing.values()])) {
      const key = seriesKey(row.company_id, row.data_source_id)
      added.set(
        key,
        (added.get(key) ?? new Map<number, number>()).set(
          row.source_measurement_id,
          row.company_measurement_id as number,
        ),
      )
    }
  return {
    added,
    of(companyId, dataSourceId) {
      const key = seriesKey(companyId, dataSourceId)
      const [cached, fresh] = [cache.get(key), added.get(key)]
      return cached && fresh ? new Map([...cached, ...fresh]) : (cached ?? fresh ?? new Map<number, number>())
    },
  }
}

async function getOrCreate(tx: Transaction, wanted: readonly SeriesRow[]): Promise<SeriesRow[]> {
  const companies = [...new Set(wanted.map(({ company_id }) => company_id))]
  await tx.query(sql.unsafe`
    SELECT pg_advisory_xact_lock(hashtextextended('normalizer.series/' || id, 0))
    FROM (SELECT id FROM unnest(${sql.array(companies, 'int4')}) AS n (id) ORDER BY id) AS c`)
  // A map may name only measurements of its own source.
  const found = await tx.any(sql.type(seriesRow)`
    SELECT n.company_id, n.data_source_id, m.id AS source_measurement_id, min(s.company_measurement_id) AS company_measurement_id
    FROM unnest(
      ${column(wanted, 'int4', (row) => row.company_id)},
      ${column(wanted, 'int4', (row) => row.data_source_id)},
      ${column(wanted, 'int4', (row) => row.source_measurement_id)}
    ) AS n (company_id, data_source_id, source_measurement_id)
    JOIN public.source_measurement AS m ON m.id = n.source_measurement_id AND m.source_module_id = n.data_source_id
    LEFT JOIN public.company_source_measurement AS s ON s.source_measurement_id = m.id AND s.company_id = n.company_id
    GROUP BY n.company_id, n.data_source_id, m.id`)
  const isThere = (row: SeriesRow) => row.company_measurement_id !== null
  const missing = found.filter((row) => !isThere(row))
  if (missing.length === 0) return [...found]
  const made = await tx.any(sql.type(seriesRow.omit({ data_source_id: true }))`
    INSERT INTO public.company_source_measurement (company_id, source_measurement_id)
    SELECT * FROM unnest(
      ${column(missing, 'int4', (row) => row.company_id)},
      ${column(missing, 'int4', (row) => row.source_measurement_id)}
    )
    RETURNING company_id, source_measurement_id, company_measurement_id`)
  const sourceOf = new Map(missing.map((row) => [row.source_measurement_id, row.data_source_id]))
  return [
    ...found.filter(isThere),
    ...made.map((row) => ({ ...row, data_source_id: sourceOf.get(row.source_measurement_id) as number })),
  ]
}
