import { z } from 'zod'
import { column } from '#runtime/postgres/column.ts'
import { type Database, sql, type SqlFragment } from '#runtime/postgres/database.ts'
import { isCountedBy } from '#runtime/postgres/visible.ts'
import { type Change, measureChange, type Point } from './grow.ts'

const endsRow = z.object({
  company_id: z.number(),
  measurement_id: z.number(),
  series_id: z.string(),
  at: z.number(),
  value: z.number(),
  days: z.number(),
  previous_at: z.number().nullable(),
  previous_value: z.number().nullable(),
})

type EndsRow = z.output<typeof endsRow>

/** How a series of numbers changed over several windows. */
export type SeriesGrowth = {
  seriesId: string
  companyId: number
  measurementId: number
  newest: Point
  changes: Change[]
}

/**
 * The growth of `series`: a query for series_id, company_id, source_measurement_id, company_measurement_id, subject_id
 * and item_id. Everything is read from the values themselves. Series without a number are left out, and payloads that do
 * not count.
 */
export async function readGrowth(
  database: Database,
  series: SqlFragment,
  days: readonly number[],
): Promise<SeriesGrowth[]> {
  const counts = (await anyUncounted(database))
    ? isCountedBy(sql.fragment`analyzer.uncounted_payload`)
    : sql.fragment`true`
  const rows = await database.any(sql.type(endsRow)`
    SELECT s.company_id, s.source_measurement_id AS measurement_id, s.series_id, newest.observed_at AS at,
      newest.number AS value, w.days, previous.observed_at AS previous_at, previous.number AS previous_value
    FROM (${series}) s
    CROSS JOIN LATERAL (${newestOf(counts, sql.fragment`true`)}) newest
    CROSS JOIN unnest(${column(days, 'int4', (one) => one)}) AS w (days)
    LEFT JOIN LATERAL (
      ${newestOf(counts, sql.fragment`v.observed_at <= newest.observed_at - w.days * interval '24 hours'`)}
    ) previous ON true`)
  const groups = Map.groupBy(rows, ({ series_id }) => series_id)
  return [...groups.values()].map((group) => toGrowth(group as [EndsRow, ...EndsRow[]]))
}

function toGrowth(rows: readonly [EndsRow, ...EndsRow[]]): SeriesGrowth {
  const [{ company_id, measurement_id, series_id, at, value }] = rows
  const newest = { at, value }
  return {
    ...{ seriesId: series_id, companyId: company_id, measurementId: measurement_id, newest },
    changes: rows.map(({ days, previous_at, previous_value }) => {
      const isThere = previous_at !== null && previous_value !== null
      return measureChange(days, newest, isThere ? { at: previous_at, value: previous_value } : null)
    }),
  }
}

/** The newest number of the series `s` for which `condition` holds. */
function newestOf(counts: SqlFragment, condition: SqlFragment): SqlFragment {
  return sql.fragment`
    SELECT v.observed_at, v.number FROM normalizer.value_view v
    WHERE v.company_measurement_id = s.company_measurement_id AND v.subject_id = s.subject_id
      AND v.item_id IS NOT DISTINCT FROM s.item_id AND v.number IS NOT NULL AND ${condition} AND ${counts}
    ORDER BY v.observed_at DESC, v.event_no DESC, v.seq DESC LIMIT 1`
}

const existsRow = z.object({ exists: z.boolean() })

/** Mostly there are none, and then nothing has to be compared with them. */
function anyUncounted(database: Database): Promise<boolean> {
  return database.oneFirst(sql.type(existsRow)`SELECT EXISTS (SELECT FROM analyzer.uncounted_payload) AS exists`)
}
