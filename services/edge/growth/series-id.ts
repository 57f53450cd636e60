import { sql, type SqlFragment } from '#runtime/postgres/database.ts'

/**
 * The id of a series: that of its company measurement, and a hash of subject and item where it has any. `row` is the
 * alias of a view with company_measurement_id and these two keys.
 */
export function seriesId(row: SqlFragment, subject: SqlFragment, item: SqlFragment): SqlFragment {
  return sql.fragment`(${row}.company_measurement_id || CASE WHEN ${subject} = '' AND ${item} IS NULL THEN ''
    ELSE '-' || md5(${subject} || E'\n' || coalesce(${item}, '')) END)`
}

/** The same of analyzer.series_view, whose alias is `s`. */
export const idOfSeries = seriesId(sql.fragment`s`, sql.fragment`s.subject_key`, sql.fragment`s.item_key`)

/** What `seriesId` makes. */
export const seriesIdPattern = /^[1-9]\d{0,9}(-[\da-f]{32})?$/

/** What identifies a series, as analyzer.series_view has it. */
export type SeriesKeys = { company_measurement_id: number; subject_key: string; item_key: string | null }
