import { z } from 'zod'
import { type Database, sql } from '#runtime/postgres/database.ts'
import type { Viewer } from '../access/viewer.ts'
import { isFollowed } from '../ask/may-read.ts'
import { utcIso, utcTime } from '../http/time.ts'
import { isNewsItem } from '../trace/read-why.ts'

const newsRow = z.object({
  news_id: z.string(),
  title: z.string(),
  company: z.object({ id: z.int(), name: z.string().nullable() }),
  created_at: utcTime,
  silent: z.boolean(),
  withheld: z.boolean().describe('It is withheld, or was dropped.'),
  received_at: utcTime.nullable().describe('When it came to the notifier; null: it has not, or is silent.'),
  decided_at: utcTime.nullable().describe('When it was decided who gets it.'),
  decided_from: utcTime.nullable().describe('When that will be decided.'),
  nobody: z.string().nullable().describe('Why nobody gets an alert.'),
  has_reasons: z.boolean().describe('It was recorded why followers got no alert.'),
})

const wayRow = z.object({
  way: z.enum(['alert', 'left_out', 'digest']),
  reason: z.string().nullable(),
  facts: z.record(z.string(), z.unknown()),
  at: utcTime,
  channel: z.string().nullable(),
  address: z.string().nullable(),
  state: z.enum(['waiting', 'pending', 'sending', 'sent', 'failed', 'unknown']).nullable().catch(null),
  trouble: z.string().nullable(),
  state_at: utcTime.nullable().describe('When it was sent or failed, or will be tried.'),
  is_held: z.boolean(),
  held_until: utcTime.nullable().describe('Until when quiet hours held it.'),
  problem: z.string().nullable(),
  parked_at: utcTime.nullable(),
  parked_reason: z.string().nullable(),
  unsubscribed_at: utcTime.nullable(),
  bucket: z.string().nullable(),
})

const planRow = z.object({
  rhythm: z.enum(['daily', 'weekly', 'monthly', 'off']),
  hour: z.int(),
  weekday: z.int(),
  zone: z.string(),
  is_default: z.boolean(),
})

/** When a person gets the digest of all that they follow. */
export type DigestPlan = z.output<typeof planRow>

const personRow = z.object({ name: z.string(), follows: z.boolean().describe('They follow the company now.') })

export const audienceSchema = z.object({
  news: newsRow,
  person: z.object({ person_id: z.int(), ...personRow.shape }),
  ways: z.array(wayRow).readonly(),
  digests: planRow.nullable().describe('When they get the digest of all that they follow; null: it is not known.'),
})

/** Whether a person was told of a news item, as it was recorded. */
export type Audience = z.output<typeof audienceSchema>
export type Way = Audience['ways'][number]

/** Null: there is no such news item, or no such person. `news`: its uuid, or its number in parma-web. */
export async function readAudience(database: Database, news: string, person: number): Promise<Audience | null> {
  const item = await readNewsItem(database, news)
  const someone: Viewer = { userId: person, role: 'viewer', name: '' }
  const found =
    item &&
    (await database.maybeOne(sql.type(personRow)`
      SELECT name, ${isFollowed(someone, sql.fragment`${item.company.id}::int`)} AS follows
      FROM public."user" WHERE id = ${person}`))
  if (item === null || found === null) return null
  const [ways, digests] = await Promise.all([
    readWays(database, item.news_id, person),
    readDigestPlan(database, person),
  ])
  return { news: item, person: { person_id: person, ...found }, ways, digests }
}

async function readNewsItem(database: Database, id: string) {
  const isIt = isNewsItem(id)
  if (isIt === null) return null
  return database.maybeOne(sql.type(newsRow)`
    SELECT n.news_id, n.title, json_build_object('id', n.company_id, 'name', c.name) AS company,
      ${utcIso(sql.fragment`n.created_at`)} AS created_at, n.silent,
      NOT EXISTS (SELECT FROM analyzer.news_view v WHERE v.news_id = n.news_id) AS withheld,
      ${utcIso(sql.fragment`p.received_at`)} AS received_at, ${utcIso(sql.fragment`p.assigned_at`)} AS decided_at,
      ${utcIso(sql.fragment`p.due_at`)} AS decided_from, p.unheard AS nobody, coalesce(p.has_reasons, false) AS has_reasons
    FROM analyzer.news_why n
    LEFT JOIN notifier.news_plan_view p USING (news_id)
    LEFT JOIN public.company c ON c.id = n.company_id
    WHERE ${isIt}`)
}

/** Alerts first, then reasons, then digests. */
function readWays(database: Database, newsId: string, person: number): Promise<readonly Way[]> {
  return database.any(sql.type(wayRow)`
    SELECT way, reason, facts, ${utcIso(sql.fragment`at`)} AS at, channel, address, state, trouble,
      ${utcIso(sql.fragment`state_at`)} AS state_at, is_held, ${utcIso(sql.fragment`held_until`)} AS held_until, problem,
      ${utcIso(sql.fragment`parked_at`)} AS parked_at, parked_reason,
      ${utcIso(sql.fragment`unsubscribed_at`)} AS unsubscribed_at,
      (SELECT title FROM public.bucket b WHERE b.id = (facts ->> 'bucket_id')::int) AS bucket
    FROM notifier.person_news_view
    WHERE news_id = ${newsId}::uuid AND user_id = ${person}
    ORDER BY array_position(ARRAY['alert', 'left_out', 'digest'], way), at, channel, address`)
}

/** What the person has set, or what the notifier does for people who have set nothing. */
export async function readDigestPlan(database: Database, person: number): Promise<DigestPlan | null> {
  return database.maybeOne(sql.type(planRow)`
    WITH setting AS (SELECT jsonb_object_agg(name, value) AS of FROM notifier.setting_view)
    SELECT rhythm, hour, weekday, zone, false AS is_default
    FROM notifier.person_digest_view WHERE user_id = ${person} AND bucket_id = 0
    UNION ALL
    SELECT 'weekly', (of ->> 'DIGEST_HOUR')::int, (of ->> 'DIGEST_WEEKDAY')::int, coalesce(
      (SELECT zone FROM notifier.person_quiet_view WHERE user_id = ${person} ORDER BY quiet_hours_id LIMIT 1),
      of ->> 'DIGEST_ZONE'), true
    FROM setting WHERE of ->> 'WEEKLY_REPORT_CLOCK' = 'true'
    LIMIT 1`)
}

/** Whether there is such a news item. */
export async function isKnownNews(database: Database, news: string): Promise<boolean> {
  return (await readNewsItem(database, news)) !== null
}

const recipientRow = z.object({ user_id: z.int() })

/** Up to `limit` people of whom it is recorded what became of a news item, apart from digests. */
export async function readAddressed(database: Database, news: string, limit: number): Promise<readonly number[]> {
  const item = await readNewsItem(database, news)
  if (item === null) return []
  const rows = await database.any(sql.type(recipientRow)`
    SELECT DISTINCT user_id FROM notifier.person_news_view JOIN public."user" u ON u.id = user_id
    WHERE news_id = ${item.news_id}::uuid AND way <> 'digest' ORDER BY user_id LIMIT ${limit}`)
  return rows.map(({ user_id }) => user_id)
}
