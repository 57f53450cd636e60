import { z } from 'zod'
import { inHalves } from '#runtime/calls/in-halves.ts'
import { columnsOf, column } from '#runtime/postgres/column.ts'
import { type Database, sql, type SqlFragment } from '#runtime/postgres/database.ts'
import { isCountedBy } from '#runtime/postgres/visible.ts'
import { dayMs } from '#runtime/text/time.ts'
import { type Change, measureChange, patience, type Point } from './grow.ts'

const keysRow = z.object({
  company_id: z.number(),
  measurement_id: z.number(),
  series_id: z.string(),
  company_measurement_id: z.number(),
  subject_id: z.string(),
  item_id: z.string().nullable(),
  seen_at: z.number(),
})
type Keys = z.output<typeof keysRow>

/** Columns of numbers: a thousand rows take longer than all else here. */
const endsColumns = z.object({
  places: z.array(z.number()),
  times: z.array(z.number()),
  numbers: z.array(z.number()),
  days: z.array(z.number()),
  previous_times: z.array(z.number().nullable()),
  previous_numbers: z.array(z.number().nullable()),
})

/** The newest number of the series at a place, from 1 on, and the one before a window, if there is any. */
type Ends = { place: number; newest: Point; days: number; previous: Point | null }

/** How a series of numbers changed over several windows. */
export type SeriesGrowth = {
  seriesId: string
  companyId: number
  measurementId: number
  newest: Point
  changes: Change[]
}

/**
 * The growth of `series`: a query for series_id, company_id, source_measurement_id, company_measurement_id, subject_id,
 * item_id and observed_at, about when the newest value came. Everything is read from the values themselves. Series without
 * a number are left out, and payloads that do not count.
 */
export async function readGrowth(
  database: Database,
  series: SqlFragment,
  days: readonly number[],
): Promise<SeriesGrowth[]> {
  const [keys, isAnyUncounted] = await Promise.all([readKeys(database, series), anyUncounted(database)])
  if (keys.length === 0) return []
  const counts = isAnyUncounted ? isCountedBy(sql.fragment`analyzer.uncounted_payload`) : sql.fragment`true`
  // Most have a value where they are said to, and one at the beginning of each window. The others are looked for in all
  // months, which takes longer.
  const found = await inHalves(keys, (half) => readEnds(database, half, days, counts, true))
  const groups = Map.groupBy(
    found.flatMap(({ from, rows }) => rows.map((row) => ({ ...row, place: row.place + from }))),
    ({ place }) => place,
  )
  const isWhole = (place: number) => groups.get(place)?.every(({ previous }) => previous !== null) === true
  const others = keys.flatMap((_, index) => (isWhole(index + 1) ? [] : [index + 1]))
  if (others.length > 0) {
    const rows = await readEnds(
      database,
      others.map((place) => keys[place - 1] as Keys),
      days,
      counts,
      false,
    )
    others.forEach((place) => groups.delete(place))
    for (const [at, group] of Map.groupBy(rows, ({ place }) => place)) groups.set(others[at - 1] as number, group)
  }
  return [...groups].map(([place, rows]) => toGrowth(keys[place - 1] as Keys, rows as [Ends, ...Ends[]]))
}

function readKeys(database: Database, series: SqlFragment) {
  return database.any(sql.type(keysRow)`
    SELECT s.company_id, s.source_measurement_id AS measurement_id, s.series_id, s.company_measurement_id, s.subject_id,
      s.item_id, (extract(epoch FROM s.observed_at) * 1000)::float8 AS seen_at
    FROM (${series}) s`)
}

/**
 * The newest number of each series and those before it, by the place of the series, from 1 on. `isBounded`: only what
 * came since `seen_at`, and in the windows; then Postgres does not even plan to look at other months.
 */
async function readEnds(
  database: Database,
  keys: readonly Keys[],
  days: readonly number[],
  counts: SqlFragment,
  isBounded: boolean,
): Promise<Ends[]> {
  const each = columnsOf(keys)
  const since = Math.min(...keys.map(({ seen_at }) => seen_at))
  const from = since - patience * Math.max(...days) * dayMs
  const at = (ms: number) => sql.fragment`${new Date(ms).toISOString()}::timestamptz`
  const isNew = sql.fragment`v.observed_at >= s.seen_at AND v.observed_at >= ${at(since)}`
  const isBefore = sql.fragment`v.observed_at <= newest.observed_at - w.days * interval '24 hours'`
  const isInWindow = sql.fragment`${isBefore} AND v.observed_at >= ${at(from)}
    AND v.observed_at >= newest.observed_at - ${patience}::int * w.days * interval '24 hours'`
  const ms = (time: SqlFragment) => sql.fragment`floor(extract(epoch FROM ${time}) * 1000)`
  const ends = await database.one(sql.type(endsColumns)`
    SELECT coalesce(json_agg(s.place), '[]') AS places,
      coalesce(json_agg(${ms(sql.fragment`newest.observed_at`)}), '[]') AS times,
      coalesce(json_agg(newest.number), '[]') AS numbers, coalesce(json_agg(w.days), '[]') AS days,
      coalesce(json_agg(${ms(sql.fragment`previous.observed_at`)}), '[]') AS previous_times,
      coalesce(json_agg(previous.number), '[]') AS previous_numbers
    FROM unnest(${each('int4', (one) => one.company_measurement_id)}, ${each('text', (one) => one.subject_id)},
      ${each('text', (one) => one.item_id)}, ${each('timestamptz', (one) => new Date(one.seen_at).toISOString())})
      WITH ORDINALITY AS s (company_measurement_id, subject_id, item_id, seen_at, place)
    CROSS JOIN LATERAL (${newestOf(counts, isBounded ? isNew : sql.fragment`true`)}) newest
    CROSS JOIN unnest(${column(days, 'int4', (one) => one)}) AS w (days)
    LEFT JOIN LATERAL (${newestOf(counts, isBounded ? isInWindow : isBefore)}) previous ON true`)
  const pointOf = (at: number | null | undefined, value: number | null | undefined): Point | null =>
    typeof at === 'number' && typeof value === 'number' ? { at, value } : null
  return ends.places.flatMap((place, row) => {
    const newest = pointOf(ends.times[row], ends.numbers[row])
    const previous = pointOf(ends.previous_times[row], ends.previous_numbers[row])
    return newest ? [{ place, newest, days: ends.days[row] as number, previous }] : []
  })
}

function toGrowth({ company_id, measurement_id, series_id }: Keys, ends: readonly [Ends, ...Ends[]]): SeriesGrowth {
  const [{ newest }] = ends
  return {
    ...{ seriesId: series_id, companyId: company_id, measurementId: measurement_id, newest },
    changes: ends.map(({ days, previous }) => measureChange(days, newest, previous)),
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
