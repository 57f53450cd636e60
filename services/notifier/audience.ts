import { z } from 'zod'
import { sql, type Transaction } from '#runtime/postgres.ts'
import { allChannels, allChannelSubscriptions } from './all-channels.ts'

const memberRow = z.object({
  /** public.company.id whose news it is; null for operations. */
  company_id: z.number().nullable(),
  user_id: z.number(),
  user_name: z.string(),
  channel_type: z.string(),
  destination: z.string(),
  secret_id: z.string().nullable(),
  /** What they follow; null: nothing, they are told for another reason. */
  through: z.string().nullable(),
})

/** One person at one of their channels. */
export type Member = z.output<typeof memberRow>

/**
 * Who hears news of the companies, and where: everybody with a company_subscription or a news_subscription, at their
 * channels for notifications. parma-web subscribes every channel for REPORT while promising alerts too (contract section
 * 14), so people who have no other channels get alerts there, unless `strict`.
 */
export async function findFollowers(
  tx: Transaction,
  companyIds: readonly number[],
  strict: boolean,
): Promise<readonly Member[]> {
  return findMembers(
    tx,
    sql.fragment`
      SELECT company_id, user_id FROM public.company_subscription WHERE company_id = ANY(${sql.array(companyIds, 'int4')})
      UNION
      SELECT company_id, user_id FROM public.news_subscription WHERE company_id = ANY(${sql.array(companyIds, 'int4')})`,
    strict,
  )
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
    SELECT l.company_id, u.id AS user_id, u.name AS user_name, c.channel_type, c.destination, c.secret_id, followed.name AS through
    FROM listener l
    JOIN public."user" u ON u.id = l.user_id
    JOIN subscribed s ON s.user_id = l.user_id
    JOIN ${allChannels} c USING (channel_id)
    LEFT JOIN public.company followed ON followed.id = l.company_id
    WHERE s.is_alert OR (NOT s.has_alert AND ${!strict})
    ORDER BY u.id, c.channel_id`)
}
