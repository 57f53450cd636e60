import { z } from 'zod'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { isVisibleBucket } from '#runtime/postgres/visible.ts'
import { allChannels, allChannelSubscriptions } from './channel-rows.ts'
import { describeFilter, type Filter, severities } from './filter.ts'

const recipientChannelRow = z.object({
  /** public.company.id that they follow; null: they get the message for another reason. */
  company_id: z.number().nullable(),
  user_id: z.number(),
  user_name: z.string(),
  channel_type: z.string(),
  destination: z.string(),
  secret_id: z.string().nullable(),
  /** What they follow, in words (describeFilter). */
  through: z.string().nullable(),
})

/** A person at one of their channels. */
export type RecipientChannel = z.output<typeof recipientChannelRow>

const followerRow = z.object({
  company_id: z.number(),
  user_id: z.number(),
  user_name: z.string(),
  channel_type: z.string().nullable(),
  destination: z.string().nullable(),
  secret_id: z.string().nullable(),
  data_source_id: z.number().nullable(),
  min_severity: z.enum(severities),
  kinds: z.array(z.string()).nullable(),
  company: z.string().nullable(),
  bucket: z.string().nullable(),
  source: z.string().nullable(),
  is_chosen: z.boolean(),
  zone: z.string().nullable(),
  has_digests: z.boolean(),
})

/** A subscription of a person that covers a company, at one of their channels. */
export type Follower = {
  company_id: number
  user_id: number
  filter: Filter
  /** The person chose what they hear through it: the defaults for alerts do not apply. */
  isChosen: boolean
  /** What the person has set of digests: the time zone, and whether they get any. */
  zone: string | null
  hasDigests: boolean
  /** Null: the person has no channel for alerts. */
  channel: RecipientChannel | null
}

/** SQL: a subscription of before the defaults, or one that says which news items. */
const isChosen = sql.fragment`s.min_severity <> 'info' OR s.kinds IS NOT NULL
  OR s.created_at < (SELECT since FROM notifier.default_start)`

/**
 * Everyone who follows one of the companies, at each channel where they get alerts: people with a company_subscription
 * or news_subscription in parma-web, and people with an own subscription (notifier.subscription) for the company, for a
 * bucket they can see that contains it, or for all companies. Alerts go to channels subscribed for NOTIFICATION.
 * parma-web subscribes every channel for REPORT although it promises alerts, too (contract section 14), so people
 * without any other channel get alerts there, unless `strict`.
 */
export async function findFollowers(
  tx: Transaction,
  companyIds: readonly number[],
  strict: boolean,
): Promise<readonly Follower[]> {
  const rows = await tx.any(sql.type(followerRow)`
    WITH follower AS (
      SELECT company_id, user_id, NULL::int AS data_source_id, 'info' AS min_severity, NULL::text[] AS kinds,
        NULL::int AS only_channel_id, true AS is_of_company, NULL::text AS bucket, 0 AS no, false AS is_chosen
      FROM (
        SELECT company_id, user_id FROM public.company_subscription UNION SELECT company_id, user_id FROM public.news_subscription
      ) c WHERE company_id = ANY(${sql.array(companyIds, 'int4')})
      UNION ALL
      SELECT company_id, user_id, data_source_id, min_severity, kinds, channel_id, true, NULL, subscription_id,
        ${isChosen}
      FROM notifier.subscription s WHERE company_id = ANY(${sql.array(companyIds, 'int4')}) AND bucket_id IS NULL
      UNION ALL
      SELECT m.company_id, s.user_id, s.data_source_id, s.min_severity, s.kinds, s.channel_id, false, b.title, subscription_id,
        ${isChosen}
      FROM notifier.subscription s
      JOIN public.bucket b ON b.id = s.bucket_id
      JOIN public.company_bucket_membership m ON m.bucket_id = b.id
      WHERE m.company_id = ANY(${sql.array(companyIds, 'int4')}) AND coalesce(s.company_id = m.company_id, true)
        AND ${isVisibleBucket(sql.fragment`s.user_id`, sql.fragment`b`)}
      UNION ALL
      SELECT c.id, s.user_id, s.data_source_id, s.min_severity, s.kinds, s.channel_id, false, NULL, subscription_id,
        ${isChosen}
      FROM notifier.subscription s, unnest(${sql.array(companyIds, 'int4')}) AS c (id)
      WHERE s.company_id IS NULL AND s.bucket_id IS NULL
    ), subscribed AS (
      SELECT user_id, channel_id, channel_type, destination, secret_id, channel_purpose = 'NOTIFICATION' AS is_alert,
        bool_or(channel_purpose = 'NOTIFICATION') OVER (PARTITION BY user_id) AS has_alert
      FROM ${allChannelSubscriptions} s JOIN ${allChannels} c USING (channel_id)
      WHERE user_id IN (SELECT user_id FROM follower)
    )
    SELECT f.company_id, u.id AS user_id, u.name AS user_name, s.channel_type, s.destination, s.secret_id,
      f.data_source_id, f.min_severity, f.kinds, CASE WHEN f.is_of_company THEN coalesce(c.name, 'company ' || f.company_id) END AS company, f.bucket,
      CASE WHEN f.data_source_id IS NOT NULL THEN coalesce(d.source_name, 'source ' || f.data_source_id) END AS source,
      f.is_chosen, coalesce(g.zone, (
        SELECT q.zone FROM notifier.quiet_hours q WHERE q.user_id = f.user_id ORDER BY quiet_hours_id LIMIT 1)) AS zone,
      coalesce(g.rhythm <> 'off', true) AS has_digests
    FROM follower f
    JOIN public."user" u ON u.id = f.user_id
    LEFT JOIN subscribed s ON s.user_id = f.user_id AND CASE
      WHEN f.only_channel_id IS NOT NULL THEN s.channel_id = f.only_channel_id
      ELSE s.is_alert OR (NOT s.has_alert AND ${!strict}) END
    LEFT JOIN public.company c ON c.id = f.company_id
    LEFT JOIN public.data_source d ON d.id = f.data_source_id
    LEFT JOIN notifier.digest_policy g ON g.user_id = f.user_id AND g.bucket_id = 0
    ORDER BY u.id, s.channel_id, f.no`)
  return rows.map(asFollower)
}

function asFollower(row: z.output<typeof followerRow>): Follower {
  const { company_id, user_id, data_source_id, min_severity, kinds, channel_type, destination } = row
  const filter = { data_source_id, min_severity, kinds }
  const known = { company_id, user_id, filter, isChosen: row.is_chosen, zone: row.zone, hasDigests: row.has_digests }
  if (channel_type === null || destination === null) return { ...known, channel: null }
  const { user_name, secret_id } = row
  const through = describeFilter(filter, row)
  return {
    ...known,
    channel: { company_id, user_id, user_name, channel_type, destination, secret_id, through },
  }
}

/** The channels where administrators get alerts, by the same rule. */
export async function findAdministratorChannels(
  tx: Transaction,
  strict: boolean,
): Promise<readonly RecipientChannel[]> {
  return readChannels(
    tx,
    sql.fragment`SELECT NULL::int AS company_id, id AS user_id FROM public."user" WHERE role = 'ADMIN'`,
    strict,
  )
}

/** The channels where these people get alerts, by the same rule. */
export async function findChannelsOf(
  tx: Transaction,
  ids: readonly number[],
  strict: boolean,
): Promise<readonly RecipientChannel[]> {
  return readChannels(
    tx,
    sql.fragment`SELECT NULL::int AS company_id, id AS user_id FROM public."user" WHERE id = ANY(${sql.array(ids, 'int4')})`,
    strict,
  )
}

function readChannels(
  tx: Transaction,
  people: ReturnType<typeof sql.fragment>,
  strict: boolean,
): Promise<readonly RecipientChannel[]> {
  return tx.any(sql.type(recipientChannelRow)`
    WITH person AS (${people}), subscribed AS (
      SELECT user_id, channel_id, channel_purpose = 'NOTIFICATION' AS is_alert,
        bool_or(channel_purpose = 'NOTIFICATION') OVER (PARTITION BY user_id) AS has_alert
      FROM ${allChannelSubscriptions} s WHERE user_id IN (SELECT user_id FROM person)
    )
    SELECT p.company_id, u.id AS user_id, u.name AS user_name, c.channel_type, c.destination, c.secret_id, NULL AS through
    FROM person p
    JOIN public."user" u ON u.id = p.user_id
    JOIN subscribed s ON s.user_id = p.user_id
    JOIN ${allChannels} c USING (channel_id)
    WHERE s.is_alert OR (NOT s.has_alert AND ${!strict})
    ORDER BY u.id, c.channel_id`)
}
