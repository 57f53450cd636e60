import { z } from 'zod'
import { type Database, sql } from '#runtime/postgres/database.ts'
import type { SeriesKeys } from './series-id.ts'

/** Why values of a time may be missing or wrong. */
export const disturbanceKinds = ['down', 'late', 'suspect'] as const

const disturbanceRow = z.object({
  kind: z.enum(disturbanceKinds),
  data_source_id: z.number(),
  from: z.number(),
  to: z.number().nullable(),
})

/**
 * A time (ms since 1970) in which a source was down or late, or the moment of a suspect payload. `to` null: it goes on.
 */
export type Disturbance = { kind: (typeof disturbanceKinds)[number]; sourceId: number; from: number; to: number | null }

/**
 * What disturbed the sources of a company, or the one of a series, since a time, by time. Suspect are payloads that do
 * not count; with `series` only those whose values of it do not.
 */
export async function readDisturbances(
  database: Database,
  { company, source, series }: { company: number; source?: number; series?: SeriesKeys },
  since: number,
): Promise<Disturbance[]> {
  const isIts =
    source === undefined
      ? sql.fragment`data_source_id IN (SELECT data_source_id FROM public.company_data_source WHERE company_id = ${company})`
      : sql.fragment`data_source_id = ${source}`
  const concerns = series
    ? sql.fragment`subject_key = ${series.subject_key} AND (series IS NULL OR series @> jsonb_build_array(
        jsonb_build_object('company_measurement_id', ${series.company_measurement_id}::int,
          'item_key', ${series.item_key}::text)))`
    : sql.fragment`true`
  const rows = await database.any(sql.type(disturbanceRow)`
    SELECT kind, data_source_id, (extract(epoch FROM since) * 1000)::float8 AS "from",
      (extract(epoch FROM until) * 1000)::float8 AS "to"
    FROM (
      SELECT 'down' AS kind, data_source_id, since, until FROM scheduler.downtime_view WHERE ${isIts}
      UNION ALL
      SELECT 'late', data_source_id, opened_at, resolved_at FROM analyzer.incident_view
      WHERE kind = 'due' AND ${isIts} AND (company_id IS NULL OR company_id = ${company})
      UNION ALL
      SELECT 'suspect', data_source_id, observed_at, observed_at FROM analyzer.uncounted_payload
      WHERE company_id = ${company} AND ${isIts} AND ${concerns}
    ) d
    WHERE until IS NULL OR until >= to_timestamp(${since / 1000}::float8)
    ORDER BY since, kind`)
  return rows.map(({ data_source_id, ...row }) => ({ ...row, sourceId: data_source_id }))
}
