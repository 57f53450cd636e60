import { sql } from '#runtime/postgres/database.ts'
import { utcNow } from '#runtime/postgres/public-tables.ts'
import type { Config } from './config.ts'

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

/**
 * How long an open call keeps an attempt alive without a payload: no module that we know is silent for so long, and the
 * call of one that hangs must not hold up its source until the limit.
 */
const longestSilenceSeconds = 3600

/** A process that holds an open call has not said so for this long: it was killed, or is frozen. */
const callLostSeconds = 20

const seconds = (count: Fragment) => sql.fragment`${count} * interval '1 second'`

/** The longest time of an attempt at task `t`, in seconds. */
export const longestRun = ({ LONGEST_RUN_SECONDS }: Pick<Config, 'LONGEST_RUN_SECONDS'>) =>
  sql.fragment`greatest(t.max_run_seconds, ${LONGEST_RUN_SECONDS})`

/** When the attempt at task `t` was started; null: at an impossible time. */
export const startedAt = sql.fragment`CASE WHEN t.started_at BETWEEN ${first} AND ${utcNow} + interval '1 day'
  THEN t.started_at AT TIME ZONE 'UTC' END`

/** Whether a process holds the call of run `r` for task `t` open. */
const isOpen = sql.fragment`coalesce(
  r.call_ended_at IS NULL AND r.call_seen_at + ${seconds(sql.fragment`greatest(t.max_run_seconds, ${callLostSeconds})`)} > now(), false)`

/** How many seconds the attempt at task `t` with run `r` may go without a payload. */
export const longestGap = sql.fragment`CASE WHEN ${isOpen} THEN greatest(t.max_run_seconds, ${longestSilenceSeconds}) ELSE t.max_run_seconds END`

/**
 * The deadline of the attempt at task `t` with run `r`: `max_run_seconds` after its last sign of life, which is a
 * payload, the end of the call, or that the call is open, and `longestRun` after its start at the latest. Null: its
 * start time is impossible.
 */
export const deadlineOf = (settings: Pick<Config, 'LONGEST_RUN_SECONDS'>) => sql.fragment`
  CASE WHEN ${startedAt} IS NOT NULL THEN least(
    ${startedAt} + ${seconds(longestRun(settings))},
    greatest(
      greatest(${startedAt}, r.last_fed_at) + ${seconds(longestGap)},
      r.call_ended_at + ${seconds(sql.fragment`t.max_run_seconds`)})) END`
