import { z } from 'zod'
import { type Database, sql, type Transaction } from '#runtime/postgres/database.ts'
import { isZone } from '#runtime/text/time-zone.ts'
import { dayMs } from '#runtime/text/time.ts'
import { rhythms } from '../message/compose-digest.ts'
import type { DigestSettings } from './settings.ts'
import { lastPeriod, periodAt, periodDays, type DigestPeriod } from './periods.ts'

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
  period: z.string(),
  /** Its news came after this, ms since 1970. */
  since: z.number(),
  until: z.number(),
})

/** A digest to be made. */
export type DueDigest = z.output<typeof dueRow>

/**
 * Which digests: `due` are those whose time has come; `early` those of today, this week or this month that are not made,
 * whatever the time; `next` what each reader would get now, made or not.
 */
export type Selection = { which: 'due' | 'early' | 'next'; person?: number | undefined; bucket?: number | undefined }

/** Digests after this one in the order of people and buckets, at most `limit`. */
export type Page = { after: Pick<DueDigest, 'user_id' | 'bucket_id'>; limit: number }

/**
 * Finds digests to make. Of the periods of a person that have passed since they asked for digests only the last counts, and
 * once it has its row it is not found again. A digest goes back to the one before, and a little further for news that were
 * stored late; where that could not be sent, as far as that would have. The first goes back for one rhythm, and to when they
 * asked if a slot was missed since. `now`, ms since 1970, is the database's time if not given.
 */
export async function findDue(
  connection: Connection,
  config: DigestSettings,
  { which, person = 0, bucket = -1 }: Selection,
  { after, limit }: Page,
  now?: number,
): Promise<readonly DueDigest[]> {
  const at = now ?? (await readTime(connection))
  const periods = await findPeriods(connection, config, which, at)
  const rows = periods.map(({ timing, at, period }) => {
    const { rhythm, hour, weekday, zone, is_default } = timing
    return [rhythm, hour, weekday, zone, is_default, at, period, periodDays[rhythm]]
  })
  return connection.any(sql.type(dueRow)`
    WITH ${policies(config)}
    SELECT DISTINCT ON (p.user_id, p.bucket_id) p.user_id, u.name AS user_name, p.bucket_id, b.title AS bucket, p.rhythm,
      p.channel_id, s.period, ${at}::int8 AS until,
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

/** Every person's policies, those that they have without saying so included. */
export function policies({ DIGEST_ZONE, DIGEST_HOUR, DIGEST_WEEKDAY }: DigestSettings) {
  return sql.fragment`policy AS (
    SELECT user_id, bucket_id, rhythm, hour, weekday, zone, channel_id, changed_at AS since, false AS is_default
    FROM notifier.digest_policy
    UNION ALL
    SELECT user_id, 0, 'weekly', ${DIGEST_HOUR}::int, ${DIGEST_WEEKDAY}::int, ${DIGEST_ZONE}::text, NULL,
      min(created_at) AT TIME ZONE 'UTC', true
    FROM (
      SELECT user_id, created_at FROM public.company_subscription
      UNION ALL
      SELECT user_id, created_at FROM public.news_subscription
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

/** The slot that counts at `now` for every timing that somebody has. */
async function findPeriods(
  connection: Connection,
  config: DigestSettings,
  which: Selection['which'],
  now: number,
): Promise<FoundPeriod[]> {
  const timings = await connection.any(sql.type(timingRow)`
    WITH ${policies(config)}
    SELECT DISTINCT rhythm, hour, weekday, zone, is_default FROM policy WHERE rhythm <> 'off'`)
  const requested = await findRequest(connection)
  return timings.flatMap((timing): FoundPeriod[] => {
    // A zone that nobody knows, or no longer knows, costs nobody their digest.
    const usable = { ...timing, zone: isZone(timing.zone) ? timing.zone : config.DIGEST_ZONE }
    if (which !== 'due') return [{ timing, at: now, period: periodAt(usable.rhythm, usable.zone, now) }]
    const own = timing.is_default && !config.WEEKLY_REPORT_CLOCK ? [] : [{ timing, ...lastPeriod(usable, now) }]
    return timing.is_default && requested ? [...own, { timing, ...requested }] : own
  })
}

const requestRow = z.object({ period: z.string(), at: z.number() })

/** The last week for which somebody asked for the weekly reports. */
async function findRequest(connection: Connection): Promise<DigestPeriod | undefined> {
  const [request] = await connection.any(sql.type(requestRow)`
    SELECT period, requested_at AS at FROM notifier.weekly_request ORDER BY requested_at DESC LIMIT 1`)
  return request
}

/**
 * Asks for the weekly reports of the weeks that these times (ms since 1970) are in, as the edge counts weeks (ISO 8601, UTC).
 * They are the same as those that come by themselves: in no week there are two.
 */
export async function requestWeeklyReports(tx: Transaction, times: readonly number[]): Promise<void> {
  const weeks = times.map((at) => [periodAt('weekly', 'UTC', at), at])
  await tx.query(sql.unsafe`
    INSERT INTO notifier.weekly_request (period, requested_at)
    SELECT period, to_timestamp(at / 1000.0) FROM ${sql.unnest(weeks, ['text', 'int8'])} AS w (period, at)
    ON CONFLICT DO NOTHING`)
}

/** Ms since 1970, by the database's clock. */
export function readTime(connection: Connection): Promise<number> {
  return connection.oneFirst(
    sql.type(z.object({ now: z.number() }))`SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::int8 AS now`,
  )
}
