import { z } from 'zod'
import { type Database, sql, type SqlFragment } from '#runtime/postgres/database.ts'
import { type Disturbance, readDisturbances } from '../growth/read-disturbances.ts'
import { readForecasts, type SeriesForecast } from '../growth/read-forecasts.ts'

/** A number of the series that a news item is about, `at` in ms since 1970. */
const valued = z.object({ at: z.number(), value: z.number() })
/**
 * The news item's series around it, in order of time. `newsAt` is when the news item's value was observed. `forecasts`:
 * none where later values than `values` exist.
 */
export type Past = {
  values: z.output<typeof valued>[]
  newsAt: number
  forecasts: readonly SeriesForecast[]
  disturbances: readonly Disturbance[]
}

/** Values up to the news item, and after it. */
const [most, mostLater] = [500, 100]
/** Values of the same list among which each are looked for: a list may have thousands of items. */
const mostRead = 20_000

/** A news item's series; null: it has no numbers, or the news item does not exist. */
export async function readPast(database: Database, newsId: string): Promise<Past | null> {
  const [past, keys] = await Promise.all([readValues(database, newsId), readKeys(database, newsId)])
  const last = past?.values.at(-1)
  if (!past || !last || !keys) return past && { ...past, forecasts: [], disturbances: [] }
  const of = { company: keys.company_id, source: keys.data_source_id, series: keys }
  const [forecasts, disturbances] = await Promise.all([
    readForecasts(database, keys),
    readDisturbances(database, of, past.values[0]?.at ?? last.at),
  ])
  return { ...past, disturbances, forecasts: forecasts.filter(({ made_at }) => made_at <= last.at) }
}

const keysRow = z.object({
  ...{ company_measurement_id: z.number(), subject_key: z.string(), item_key: z.string().nullable() },
  ...{ company_id: z.number(), data_source_id: z.number() },
})

/** Null for a news item that is withheld. */
function readKeys(database: Database, newsId: string) {
  return database.maybeOne(sql.type(keysRow)`
    SELECT company_measurement_id, subject_id AS subject_key, item_id AS item_key, company_id, data_source_id
    FROM analyzer.news_view WHERE news_id = ${newsId}::uuid`)
}

/** The numbers of a news item's series; null: it has none, or the news item does not exist. */
export async function readValues(database: Database, newsId: string): Promise<Pick<Past, 'values' | 'newsAt'> | null> {
  const rows = await database.any(sql.type(z.object({ news_at: z.number(), ...valued.shape }))`
    SELECT (extract(epoch FROM n.observed_at) * 1000)::float8 AS news_at, v.at, v.number AS value
    FROM analyzer.news_why n CROSS JOIN LATERAL (
      (${valuesWhere(sql.fragment`v.observed_at <= n.observed_at`, sql.fragment`DESC`, most)})
      UNION ALL
      (${valuesWhere(sql.fragment`v.observed_at > n.observed_at`, sql.fragment`ASC`, mostLater)})
    ) v
    WHERE n.news_id = ${newsId}::uuid
    ORDER BY v.at, v.event_no, v.seq`)
  const [first] = rows
  return first ? { values: rows.map(({ at, value }) => ({ at, value })), newsAt: first.news_at } : null
}

function valuesWhere(isMeant: SqlFragment, order: SqlFragment, limit: number): SqlFragment {
  return sql.fragment`
    SELECT (extract(epoch FROM v.observed_at) * 1000)::float8 AS at, v.number, v.event_no, v.seq
    FROM (
      SELECT observed_at, number, event_no, seq, subject_key, item_key FROM normalizer.value v
      WHERE v.company_measurement_id = n.company_measurement_id AND ${isMeant}
      ORDER BY observed_at ${order} LIMIT ${mostRead}
    ) v
    WHERE v.subject_key = n.subject_key AND v.item_key IS NOT DISTINCT FROM n.item_key AND v.number IS NOT NULL
    ORDER BY v.observed_at ${order}, v.event_no ${order}, v.seq ${order} LIMIT ${limit}`
}
