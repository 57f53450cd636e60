import { sql, type SqlFragment } from './database.ts'

/**
 * Whether a row `v` of normalizer.value counts for what is learned from the past: it is not withheld, and was not dropped.
 * `uncounted` is analyzer.uncounted_payload, which its readers name.
 */
export function isCountedBy(uncounted: SqlFragment): SqlFragment {
  return sql.fragment`NOT EXISTS (
    SELECT FROM ${uncounted} u
    WHERE u.event_no = v.event_no AND (u.series IS NULL OR u.series @> jsonb_build_array(jsonb_build_object(
      'company_measurement_id', v.company_measurement_id, 'item_key', v.item_key)))
  )`
}
