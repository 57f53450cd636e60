import { sql } from '#runtime/postgres/database.ts'

/**
 * The observed time `since` of the oldest of so many of the newest payloads with values of `s`, a row of
 * public.company_source_measurement, that are not newer than `f`, a row of analyzer.feed.
 */
export function newestPayloads(count: number) {
  return sql.fragment`
    SELECT min(observed_at) AS since FROM (
      SELECT DISTINCT observed_at FROM normalizer.value
      WHERE company_measurement_id = s.company_measurement_id AND observed_at <= f.observed_at
      ORDER BY observed_at DESC LIMIT ${count}
    ) newest`
}
