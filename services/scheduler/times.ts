import { sql } from '#runtime/postgres/database.ts'
import { utcNow } from '#runtime/postgres/public-tables.ts'

type Fragment = ReturnType<typeof sql.fragment>

/** The database's clock, ms since 1970. */
export const nowMs = sql.fragment`floor(date_part('epoch', now()) * 1000)::bigint`

const [first, last] = ['1970-01-01T00:00Z', '9999-12-31T00:00Z']

/**
 * A time in whole ms since 1970, through float8, which costs a fifth of numeric. A time outside the years 1970 to 9999,
 * which parma-web's tables may hold, becomes the nearest of these bounds.
 */
export function epochMs(time: Fragment): Fragment {
  return sql.fragment`CASE WHEN ${time} < ${first} THEN ${Date.parse(first)} WHEN ${time} > ${last} THEN ${Date.parse(last)}
    ELSE round(date_part('epoch', ${time}) * 1000)::bigint END`
}

/** The deadline of the attempt at task `t`; null: its start time is impossible. */
export const deadline = sql.fragment`CASE WHEN t.started_at BETWEEN ${first} AND ${utcNow} + interval '1 day'
  THEN t.started_at + t.max_run_seconds * interval '1 second' END`
