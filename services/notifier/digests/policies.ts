import { z } from 'zod'
import { type Database, sql, type Transaction } from '#runtime/postgres/database.ts'
import { isZone } from '#runtime/text/time-zone.ts'
import { dayMs } from '#runtime/text/time.ts'
import { type DigestPeriod, lastPeriod, periodAt, periodDays, rhythms } from '#runtime/text/periods.ts'
import type { DigestSettings } from './settings.ts'

type Connection = Pick<Database, 'any' | 'oneFirst'>

/** How far a digest looks back before the previous one, for news items that were stored late. */
const lateMs = dayMs

/** Older news items are in no digest, even after a long pause. What digests contained is remembered for as long. */
export const lookBackDays = 45

const dueRow = z.object({
  user_id: z.number(),
  user_name: z.string(),
  bucket_id: z.number(),
  bucket: z.string().nullable(),
  rhythm: z.enum(rhythms),
  channel_id: z.number().nullable(),
  /** A mail is wanted also when there is no news item. */
  all_quiet: z.boolean(),
  period: z.string(),
  /** It covers news items stored after this, ms since 1970. */
  since: z.number(),
  until: z.number(),
})

/** A digest to make. */
export type DueDigest = z.output<typeof dueRow>

/**
 * Which digests. `due`: those whose time has come. `early`: those of the current day, week or month that have not been
 * made. `next`: what each reader would get now, made or not.
 */
export type Selection = { which: 'due' | 'early' | 'next'; person?: number | undefined; bucket?: number | undefined }

/** A page of at most `limit` digests that follow `after` in the order of people and buckets. */
export type Page = { after: Pick<DueDigest, 'user_id' | 'bucket_id'>; limit: number }

/**
 * Finds digests to make. Only the last period of a person counts that has come since they set up digests, and only
 * until it has a row. A digest reaches back to the previous one, and a little further for news items that were stored
 * late; if the previous one could not be sent, as far as that one would have. The first digest reaches back for one
 * period, or to when digests were set up if a period was missed since. `now` is ms since 1970, by default the
 * database’s time.
 */
export async function findDue(
  config: DigestSettings,
  connection: Connection,
  { which, person = 0, bucket = -1 }: Selection,
  { after, limit }: Page,
  now?: number,
): Promise<readonly DueDigest[]> {
  const at = now ?? (await readTime(connection))
  const periods = await findPeriods(config, connection, which, at)
  const rows = periods.map(({ timing, at, period }) => {
    const { rhythm, hour, weekday, zone, is_default } = timing
    return [rhythm, hour, weekday, zone, is_default, at, period, periodDays[rhythm]]
  })
  return connection.any(sql.type(dueRow)`
    WITH ${policies(config)}
    SELECT DISTINCT ON (p.user_id, p.bucket_id) p.user_id, u.name AS user_name, p.bucket_id, b.title AS bucket, p.rhythm,
      p.channel_id, p.all_quiet, s.period, ${at}::int8 AS until,
      floor(greatest(
        coalesce(
          (
            SELECT extract(epoch FROM CASE WHEN d.state IN ('made', 'empty') THEN d.made_at ELSE d.since END) * 1000
              - CASE WHEN d.state IN ('made', 'empty') THEN ${lateMs}::int8 ELSE 0 END
            FROM notifier.digest d WHERE (d.user_id, d.bucket_id) = (p.user_id, p.bucket_id)
            ORDER BY d.made_at DESC LIMIT 1
          ),
          least(
            s.at - s.days * ${dayMs}::int8,
            extract(epoch FROM greatest(p.since, (SELECT since FROM notifier.digest_start))) * 1000
          )
        ),
        ${at - lookBackDays * dayMs}::int8
      ))::int8 AS since
    FROM policy p
    JOIN ${sql.unnest(rows, ['text', 'int4', 'int4', 'text', 'bool', 'int8', 'text', 'int4'])}
      AS s (rhythm, hour, weekday, zone, is_default, at, period, days) USING (rhythm, hour, weekday, zone, is_default)
    JOIN public."user" u ON u.id = p.user_id
    LEFT JOIN public.bucket b ON b.id = p.bucket_id
    WHERE (p.user_id, p.bucket_id) > (${after.user_id}, ${after.bucket_id})
      AND (p.bucket_id = 0 OR b.id IS NOT NULL)
      AND ${person} IN (0, p.user_id) AND ${bucket} IN (-1, p.bucket_id)
      AND (${which} <> 'due' OR s.at >= extract(epoch FROM greatest(p.since, (SELECT since FROM notifier.digest_start))) * 1000)
      AND (${which} = 'next' OR NOT EXISTS (
        SELECT FROM notifier.digest d
        WHERE (d.user_id, d.bucket_id, d.period) = (p.user_id, p.bucket_id, s.period)
          AND (${which} = 'due' OR d.state IN ('made', 'empty'))))
    ORDER BY p.user_id, p.bucket_id, s.at
    LIMIT ${limit}`)
}

/** SQL for the digest policies of all people, including the default weekly report. */
export function policies({ DIGEST_ZONE, DIGEST_HOUR, DIGEST_WEEKDAY, DIGEST_ALL_QUIET }: DigestSettings) {
  return sql.fragment`policy AS (
    SELECT user_id, bucket_id, rhythm, hour, weekday, zone, channel_id, changed_at AS since, false AS is_default, all_quiet
    FROM notifier.digest_policy
    UNION ALL
    SELECT user_id, 0, 'weekly', ${DIGEST_HOUR}::int, ${DIGEST_WEEKDAY}::int,
      coalesce((
        SELECT q.zone FROM notifier.quiet_hours q WHERE q.user_id = follower.user_id ORDER BY quiet_hours_id LIMIT 1
      ), ${DIGEST_ZONE}), NULL,
      min(created_at) AT TIME ZONE 'UTC', true, ${DIGEST_ALL_QUIET}::bool
    FROM (
      SELECT user_id, created_at FROM public.company_subscription
      UNION ALL
      SELECT user_id, created_at FROM public.news_subscription
      UNION ALL
      SELECT user_id, created_at AT TIME ZONE 'UTC' FROM notifier.subscription
      WHERE created_at >= (SELECT since FROM notifier.default_start)
    ) follower
    WHERE NOT EXISTS (SELECT FROM notifier.digest_policy own WHERE own.user_id = follower.user_id AND own.bucket_id = 0)
    GROUP BY user_id
  )`
}

const timingRow = z.object({
  rhythm: z.enum(rhythms),
  hour: z.number(),
  weekday: z.number(),
  zone: z.string(),
  is_default: z.boolean(),
})
type FoundPeriod = DigestPeriod & { timing: z.output<typeof timingRow> }

/** The period that counts at `now`, for every schedule that somebody has. */
async function findPeriods(
  config: DigestSettings,
  connection: Connection,
  which: Selection['which'],
  now: number,
): Promise<FoundPeriod[]> {
  const timings = await connection.any(sql.type(timingRow)`
    WITH ${policies(config)}
    SELECT DISTINCT rhythm, hour, weekday, zone, is_default FROM policy WHERE rhythm <> 'off'`)
  const requested = await findRequest(connection)
  return timings.flatMap((timing): FoundPeriod[] => {
    // An unknown time zone must not cost a person their digest.
    const usable = { ...timing, zone: isZone(timing.zone) ? timing.zone : config.DIGEST_ZONE }
    if (which !== 'due') return [{ timing, at: now, period: periodAt(usable.rhythm, usable.zone, now) }]
    const own = timing.is_default && !config.WEEKLY_REPORT_CLOCK ? [] : [{ timing, ...lastPeriod(usable, now) }]
    return timing.is_default && requested ? [...own, { timing, ...requested }] : own
  })
}

const requestRow = z.object({ period: z.string(), at: z.number() })

/** The last week for which weekly reports were requested. */
async function findRequest(connection: Connection): Promise<DigestPeriod | undefined> {
  const [request] = await connection.any(sql.type(requestRow)`
    SELECT period, requested_at AS at FROM notifier.weekly_request ORDER BY requested_at DESC LIMIT 1`)
  return request
}

/**
 * Requests the weekly reports of the weeks that contain these times (ms since 1970), as the edge counts weeks (ISO
 * 8601, UTC). Nobody gets two reports in a week: scheduled and requested ones are the same.
 */
export async function requestWeeklyReports(tx: Transaction, times: readonly number[]): Promise<void> {
  const weeks = times.map((at) => [periodAt('weekly', 'UTC', at), at])
  await tx.query(sql.unsafe`
    INSERT INTO notifier.weekly_request (period, requested_at)
    SELECT period, to_timestamp(at / 1000.0) FROM ${sql.unnest(weeks, ['text', 'int8'])} AS w (period, at)
    ON CONFLICT DO NOTHING`)
}

/** The database’s time, ms since 1970. */
export function readTime(connection: Connection): Promise<number> {
  return connection.oneFirst(
    sql.type(z.object({ now: z.number() }))`SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::int8 AS now`,
  )
}
