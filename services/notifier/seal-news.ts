import { v5 as uuidv5 } from 'uuid'
import { z } from 'zod'
import { type Database, sql } from '#runtime/postgres.ts'
import { makeWhyLink } from '#runtime/signed-links.ts'
import { findFollowers } from './audience.ts'
import { composeNews } from './compose.ts'
import type { Config } from './config.ts'
import { type Draft, writeDrafts } from './draft-store.ts'

/** Namespace of the ids of notifications about news. */
const namespace = 'b6f4f0c2-54d4-4a36-a8a9-5c5dd0f6b3b1'

const dayMs = 24 * 60 * 60 * 1000

const groupRow = z.object({
  group_id: z.string(),
  company_id: z.number(),
  data_source_id: z.number(),
  round: z.number(),
  company: z.string().nullable(),
  source: z.string().nullable(),
})
const itemRow = z.object({
  news_id: z.string(),
  group_id: z.string(),
  group_index: z.number(),
  severity: z.enum(['info', 'warning', 'critical']),
  title: z.string(),
  message: z.string(),
  trigger_factor: z.number().nullable(),
  previous: z.string().nullable(),
  current: z.string().nullable(),
  observed_at: z.number(),
})

/**
 * Turns due groups of news into notifications and deliveries, in one transaction: what is in a message, and for whom, is
 * committed before anything is sent. Returns how many groups there were.
 */
export async function sealGroups(database: Database, config: Config): Promise<number> {
  return database.transaction(async (tx) => {
    const groups = await tx.any(sql.type(groupRow)`
      SELECT g.group_id, g.company_id, g.data_source_id, g.round, c.name AS company, s.source_name AS source
      FROM notifier.news_group g
      LEFT JOIN public.company c ON c.id = g.company_id
      LEFT JOIN public.data_source s ON s.id = g.data_source_id
      WHERE g.due_at <= now()
      ORDER BY g.due_at
      LIMIT ${config.SEAL_BATCH}
      FOR UPDATE OF g SKIP LOCKED`)
    if (groups.length === 0) return 0
    const ids = sql.array(
      groups.map(({ group_id }) => group_id),
      'uuid',
    )
    const items = await tx.any(sql.type(itemRow)`
      SELECT news_id, group_id, group_index, severity, title, message, trigger_factor, previous, current, observed_at
      FROM notifier.news_item WHERE group_id = ANY(${ids}) AND notification_id IS NULL`)
    const members = await findFollowers(
      tx,
      [...new Set(groups.map(({ company_id }) => company_id))],
      config.STRICT_CHANNEL_PURPOSE,
    )

    const linksUntil = Date.now() + config.LINK_DAYS * dayMs
    const drafts = groups.flatMap((group): Draft[] => {
      const { group_id, company_id, data_source_id } = group
      const news = items.filter((item) => item.group_id === group_id)
      if (news.length === 0) return []
      const named = {
        company_id,
        company: group.company ?? `company ${company_id}`,
        source: group.source ?? `source ${data_source_id}`,
      }
      return [
        {
          notificationId: uuidv5(`${group_id}/${group.round}`, namespace),
          kind: 'news',
          groupId: group_id,
          companyId: company_id,
          dataSourceId: data_source_id,
          message: composeNews(
            news.map((one) => ({ ...one, ...named })),
            config.MAX_LINES,
            (id) => makeWhyLink(config, id, linksUntil),
          ),
          members: members.filter((member) => member.company_id === company_id),
        },
      ]
    })
    await writeDrafts(tx, drafts)
    await tx.query(sql.unsafe`
      UPDATE notifier.news_item i SET notification_id = d.notification_id
      FROM ${sql.unnest(
        drafts.map(({ groupId, notificationId }) => [groupId, notificationId]),
        ['uuid', 'uuid'],
      )} AS d (group_id, notification_id)
      WHERE i.group_id = d.group_id AND i.notification_id IS NULL`)
    await tx.query(
      sql.unsafe`UPDATE notifier.news_group SET due_at = NULL, round = round + 1 WHERE group_id = ANY(${ids})`,
    )
    return groups.length
  })
}
