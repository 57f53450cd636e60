import { z } from 'zod'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { allOf, contains } from '../ask/names.ts'
import { type personDetail, readPerson } from '../changes/person.ts'

const personRow = z.object({
  id: z.number(),
  name: z.string(),
  is_admin: z.boolean(),
  /** Companies and buckets. */
  follows: z.number(),
  channels: z.number(),
  /** Channels to which nothing is sent. */
  closed: z.number(),
  last_at: z.number().nullable(),
})
export type PersonRow = z.output<typeof personRow>

/** Shown at once. */
const most = 200

/** People whose name has these words, by name; and whether there are more. */
export async function readPeople(
  database: Database,
  q: string,
): Promise<{ rows: readonly PersonRow[]; more: boolean }> {
  const rows = await database.any(sql.type(personRow)`
    WITH shown AS (
      SELECT id, name, role FROM public."user" u
      WHERE ${allOf([sql.fragment`true`, ...(q === '' ? [] : [contains(sql.fragment`u.name`, q)])])}
      ORDER BY lower(name), id LIMIT ${most + 1}
    ), reached AS (
      SELECT s.user_id, c.channel_type::text AS type, lower(btrim(c.destination)) AS address
      FROM public.notification_subscription s JOIN public.notification_channel c ON c.id = s.channel_id
      WHERE s.user_id IN (SELECT id FROM shown)
      UNION SELECT user_id, channel_type, lower(btrim(destination)) FROM notifier.person_channel_view
      WHERE user_id IN (SELECT id FROM shown)
    ), counted AS (
      SELECT user_id, count(*)::int AS channels, count(*) FILTER (WHERE EXISTS (
        SELECT FROM notifier.destination_view t WHERE t.channel = r.type AND lower(t.address) IN (r.address, ltrim(r.address, '#'))
          AND (t.parked_at IS NOT NULL OR t.unsubscribed_at IS NOT NULL OR t.problem IS NOT NULL)
      ))::int AS closed
      FROM reached r GROUP BY user_id
    )
    SELECT p.id, p.name, p.role = 'ADMIN' AS is_admin, coalesce(c.channels, 0) AS channels, coalesce(c.closed, 0) AS closed,
      ((SELECT count(*) FROM public.company_subscription WHERE user_id = p.id)
        + (SELECT count(*) FROM notifier.person_subscription_view WHERE user_id = p.id))::int AS follows,
      (SELECT max(created_at) FROM notifier.delivery_view d
        WHERE d.people @> jsonb_build_array(jsonb_build_object('id', p.id)) AND d.state = 'sent') AS last_at
    FROM shown p LEFT JOIN counted c ON c.user_id = p.id ORDER BY lower(p.name), p.id`)
  return { rows: rows.slice(0, most), more: rows.length > most }
}

const heardRow = z.object({
  news_id: z.string(),
  way: z.enum(['alert', 'left_out', 'digest']),
  reason: z.string().nullable(),
  at: z.number(),
  state: z.string().nullable(),
  channel: z.string().nullable(),
  through: z.array(z.string()).nullable(),
})
export type Heard = z.output<typeof heardRow>

/** A person with what they have set, and what they heard, or did not, of the newest news items. */
export type PersonView = { detail: z.output<typeof personDetail>; heard: readonly Heard[] }

/** Null: there is no such person. */
export async function readPersonView(database: Database, person: number): Promise<PersonView | null> {
  const [detail, heard] = await Promise.all([
    readPerson(database, person),
    database.any(sql.type(heardRow)`
      SELECT news_id, way, reason, at, state, channel,
        CASE WHEN jsonb_typeof(facts -> 'through') = 'array'
          THEN ARRAY(SELECT jsonb_array_elements_text(facts -> 'through')) END AS through
      FROM notifier.person_news_view WHERE user_id = ${person} ORDER BY at DESC LIMIT 20`),
  ])
  return detail && { detail, heard }
}
