import { z } from 'zod'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { allChannels, allChannelSubscriptions } from './channel-rows.ts'
import { nameWish, severities, type Wish } from './preferences.ts'

const memberRow = z.object({
  /** public.company.id that they follow; null: they are told for another reason. */
  company_id: z.number().nullable(),
  user_id: z.number(),
  user_name: z.string(),
  channel_type: z.string(),
  destination: z.string(),
  secret_id: z.string().nullable(),
  /** What they follow, in words. */
  through: z.string().nullable(),
})

/** One person at one of their channels. */
export type Member = z.output<typeof memberRow>

const hearerRow = z.object({
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
})

/** One person who follows a company, for some of its news or all, at one of their channels. */
export type Hearer = {
  company_id: number
  wish: Wish
  /** Null: the person has no channel for it. */
  member: Member | null
}

/**
 * Who hears news of the companies, and where: everybody with a company_subscription or a news_subscription, at their
 * channels for notifications, and whoever has subscriptions of our own that the company fits. parma-web subscribes every
 * channel for REPORT while promising alerts too (contract section 14), so people who have no other channels get alerts
 * there, unless `strict`. Buckets are those that the person may see.
 */
export async function findHearers(
  tx: Transaction,
  companyIds: readonly number[],
  strict: boolean,
): Promise<readonly Hearer[]> {
  const rows = await tx.any(sql.type(hearerRow)`
    WITH listener AS (
      SELECT company_id, user_id, NULL::int AS data_source_id, 'info' AS min_severity, NULL::text[] AS kinds,
        NULL::int AS only_channel_id, true AS is_of_company, NULL::text AS bucket, 0 AS no
      FROM (
        SELECT company_id, user_id FROM public.company_subscription UNION SELECT company_id, user_id FROM public.news_subscription
      ) f WHERE company_id = ANY(${sql.array(companyIds, 'int4')})
      UNION ALL
      SELECT company_id, user_id, data_source_id, min_severity, kinds, channel_id, true, NULL, subscription_id
      FROM notifier.subscription WHERE company_id = ANY(${sql.array(companyIds, 'int4')}) AND bucket_id IS NULL
      UNION ALL
      SELECT m.company_id, s.user_id, s.data_source_id, s.min_severity, s.kinds, s.channel_id, false, b.title, subscription_id
      FROM notifier.subscription s
      JOIN public.bucket b ON b.id = s.bucket_id
      JOIN public.company_bucket_membership m ON m.bucket_id = b.id
      WHERE m.company_id = ANY(${sql.array(companyIds, 'int4')}) AND coalesce(s.company_id = m.company_id, true) AND (
        b.is_public OR b.owner_id = s.user_id
        OR EXISTS (SELECT FROM public.bucket_access a WHERE a.bucket_id = b.id AND a.invitee_id = s.user_id))
      UNION ALL
      SELECT c.id, s.user_id, s.data_source_id, s.min_severity, s.kinds, s.channel_id, false, NULL, subscription_id
      FROM notifier.subscription s, unnest(${sql.array(companyIds, 'int4')}) AS c (id)
      WHERE s.company_id IS NULL AND s.bucket_id IS NULL
    ), subscribed AS (
      SELECT user_id, channel_id, channel_type, destination, secret_id, channel_purpose = 'NOTIFICATION' AS is_alert,
        bool_or(channel_purpose = 'NOTIFICATION') OVER (PARTITION BY user_id) AS has_alert
      FROM ${allChannelSubscriptions} s JOIN ${allChannels} c USING (channel_id)
      WHERE user_id IN (SELECT user_id FROM listener)
    )
    SELECT l.company_id, u.id AS user_id, u.name AS user_name, s.channel_type, s.destination, s.secret_id,
      l.data_source_id, l.min_severity, l.kinds, CASE WHEN l.is_of_company THEN coalesce(c.name, 'company ' || l.company_id) END AS company, l.bucket,
      CASE WHEN l.data_source_id IS NOT NULL THEN coalesce(d.source_name, 'source ' || l.data_source_id) END AS source
    FROM listener l
    JOIN public."user" u ON u.id = l.user_id
    LEFT JOIN subscribed s ON s.user_id = l.user_id AND CASE
      WHEN l.only_channel_id IS NOT NULL THEN s.channel_id = l.only_channel_id
      ELSE s.is_alert OR (NOT s.has_alert AND ${!strict}) END
    LEFT JOIN public.company c ON c.id = l.company_id
    LEFT JOIN public.data_source d ON d.id = l.data_source_id
    ORDER BY u.id, s.channel_id, l.no`)
  return rows.map(asHearer)
}

function asHearer(row: z.output<typeof hearerRow>): Hearer {
  const { company_id, data_source_id, min_severity, kinds, channel_type, destination } = row
  const wish = { data_source_id, min_severity, kinds }
  if (channel_type === null || destination === null) return { company_id, wish, member: null }
  const { user_id, user_name, secret_id } = row
  const through = nameWish(wish, row)
  return { company_id, wish, member: { company_id, user_id, user_name, channel_type, destination, secret_id, through } }
}

/** The administrators and their channels, by the same rule. */
export async function findAdministrators(tx: Transaction, strict: boolean): Promise<readonly Member[]> {
  return findMembers(
    tx,
    sql.fragment`SELECT NULL::int AS company_id, id AS user_id FROM public."user" WHERE role = 'ADMIN'`,
    strict,
  )
}

/** These people and their channels, by the same rule. */
export async function findPeople(tx: Transaction, ids: readonly number[], strict: boolean): Promise<readonly Member[]> {
  return findMembers(
    tx,
    sql.fragment`SELECT NULL::int AS company_id, id AS user_id FROM public."user" WHERE id = ANY(${sql.array(ids, 'int4')})`,
    strict,
  )
}

function findMembers(
  tx: Transaction,
  listeners: ReturnType<typeof sql.fragment>,
  strict: boolean,
): Promise<readonly Member[]> {
  return tx.any(sql.type(memberRow)`
    WITH listener AS (${listeners}), subscribed AS (
      SELECT user_id, channel_id, channel_purpose = 'NOTIFICATION' AS is_alert,
        bool_or(channel_purpose = 'NOTIFICATION') OVER (PARTITION BY user_id) AS has_alert
      FROM ${allChannelSubscriptions} s WHERE user_id IN (SELECT user_id FROM listener)
    )
    SELECT l.company_id, u.id AS user_id, u.name AS user_name, c.channel_type, c.destination, c.secret_id, NULL AS through
    FROM listener l
    JOIN public."user" u ON u.id = l.user_id
    JOIN subscribed s ON s.user_id = l.user_id
    JOIN ${allChannels} c USING (channel_id)
    WHERE s.is_alert OR (NOT s.has_alert AND ${!strict})
    ORDER BY u.id, c.channel_id`)
}
