import { z } from 'zod'
import { type Database, sql } from '#runtime/postgres/database.ts'

const iso = z
  .number()
  .transform((at) => new Date(at).toISOString())
  .pipe(z.iso.datetime())
const named = { company_id: z.number().nullable(), company: z.string().nullable() }

const followRow = z.object({
  /** Id of the subscription; null: it is one of parma-web. */
  subscription_id: z.number().nullable(),
  ...named,
  bucket_id: z.number().nullable(),
  bucket: z.string().nullable(),
  data_source_id: z.number().nullable(),
  min_severity: z.enum(['info', 'warning', 'critical']),
  kinds: z.array(z.string()).nullable(),
  channel_id: z.number().nullable(),
})
const muteRow = z.object({
  mute_id: z.number(),
  ...named,
  bucket_id: z.number().nullable(),
  bucket: z.string().nullable(),
  data_source_id: z.number().nullable(),
  source_measurement_id: z.number().nullable(),
  measurement: z.string().nullable(),
  subject_key: z.string().nullable(),
  item_key: z.string().nullable(),
  below: z.enum(['warning', 'critical']).nullable(),
  /** Null: until it is ended. */
  until: iso.nullable(),
  until_worse: z.boolean(),
})
const quietRow = z.object({
  zone: z.string(),
  from: z.string(),
  to: z.string(),
  days: z.array(z.number()).nullable(),
  hold_critical: z.boolean(),
})
const digestRow = z.object({
  bucket_id: z.number().nullable(),
  bucket: z.string().nullable(),
  rhythm: z.enum(['daily', 'weekly', 'monthly', 'off']),
  hour: z.number(),
  weekday: z.number(),
  zone: z.string(),
  channel_id: z.number().nullable(),
  all_quiet: z.boolean().describe('Also when there is no news item.'),
})
const channelRow = z.object({
  channel_id: z.number(),
  type: z.string(),
  destination: z.string(),
  purpose: z.string(),
  state: z
    .enum(['open', 'failing', 'parked', 'unsubscribed', 'unusable'])
    .nullable()
    .describe('Null: nothing is known, as no message went there yet.'),
  since: iso.nullable(),
  trouble: z.string().nullable(),
})
const feedbackRow = z.object({
  news_id: z.string(),
  opinion: z.enum(['useful', 'not_useful']).nullable(),
  done_at: iso.nullable(),
  snoozed_until: iso.nullable(),
})
type Feedback = z.output<typeof feedbackRow>

/** A person with what they have set. */
export const personDetail = z.object({
  person_id: z.number(),
  name: z.string(),
  follows: z.array(followRow),
  mutes: z.array(muteRow),
  quiet_hours: z.array(quietRow),
  no_quiet_hours: z.boolean().describe('The person wants none, not even the usual ones.'),
  digests: z.array(digestRow),
  quiet_revision: z
    .string()
    .describe('To send with a change of quiet hours: it is refused when somebody has changed them since.'),
  digest_revision: z.string().describe('The same for digests.'),
  channels: z.array(channelRow),
  feedback: z.array(feedbackRow),
})
type PersonDetail = z.output<typeof personDetail>

const nameRow = z.object({ name: z.string(), quiet_revision: z.string(), digest_revision: z.string() })
const company = sql.fragment`s.company_id, (SELECT name FROM public.company WHERE id = s.company_id) AS company`
const bucket = sql.fragment`nullif(s.bucket_id, 0) AS bucket_id, (SELECT title FROM public.bucket WHERE id = s.bucket_id) AS bucket`

/** What a person has set: follows, mutes, quiet hours, digests, channels without secrets. Null: there is no such person. */
export async function readPerson(database: Database, person: number): Promise<PersonDetail | null> {
  const known = await database.maybeOne(sql.type(nameRow)`
    SELECT name,
      (SELECT coalesce(max(quiet_hours_id), 0)::text FROM notifier.person_quiet_view WHERE user_id = u.id) AS quiet_revision,
      (SELECT concat(count(*), ' ', extract(epoch FROM max(changed_at))) FROM notifier.person_digest_view
        WHERE user_id = u.id) AS digest_revision
    FROM public."user" u WHERE id = ${person}`)
  if (known === null) return null
  const [follows, mutes, quiet, digests, channels, feedback] = await Promise.all([
    database.any(sql.type(followRow)`
      SELECT s.subscription_id, ${company}, ${bucket}, s.data_source_id, s.min_severity, s.kinds, s.channel_id
      FROM (
        SELECT NULL::int AS subscription_id, company_id, NULL::int AS bucket_id, NULL::int AS data_source_id,
          'info' AS min_severity, NULL::text[] AS kinds, NULL::int AS channel_id
        FROM (
          SELECT company_id FROM public.company_subscription WHERE user_id = ${person}
          UNION SELECT company_id FROM public.news_subscription WHERE user_id = ${person}
        ) w
        UNION ALL
        SELECT subscription_id, company_id, bucket_id, data_source_id, min_severity, kinds, channel_id
        FROM notifier.person_subscription_view WHERE user_id = ${person}
      ) s ORDER BY company, bucket, s.subscription_id`),
    database.any(sql.type(muteRow)`
      SELECT s.mute_id, ${company}, ${bucket}, s.data_source_id, s.source_measurement_id,
        (SELECT measurement_name FROM public.source_measurement WHERE id = s.source_measurement_id) AS measurement,
        s.subject_key, s.item_key, s.below, s.until, s.worse_than IS NOT NULL AS until_worse
      FROM notifier.person_mute_view s WHERE user_id = ${person} ORDER BY s.mute_id`),
    database.any(sql.type(quietRow)`
      SELECT zone, begins AS "from", ends AS "to", days, NOT critical_passes AS hold_critical
      FROM notifier.person_quiet_view WHERE user_id = ${person} ORDER BY quiet_hours_id`),
    database.any(sql.type(digestRow)`
      SELECT ${bucket}, s.rhythm, s.hour, s.weekday, s.zone, s.channel_id, s.all_quiet
      FROM notifier.person_digest_view s WHERE user_id = ${person} ORDER BY s.bucket_id`),
    readChannels(database, person),
    readFeedback(database, person),
  ])
  return {
    person_id: person,
    ...known,
    ...{ follows, mutes, digests, channels, feedback },
    quiet_hours: quiet.filter(({ days }) => days?.length !== 0),
    // As changes/quiet.ts of the notifier keeps it: hours that begin on no day.
    no_quiet_hours: quiet.some(({ days }) => days?.length === 0),
  } as PersonDetail
}

/**
 * The channels of a person, with the state of what they lead to. A destination is a channel's address as the notifier
 * writes it, so a few are not found, and their state is not known.
 */
function readChannels(database: Database, person: number): Promise<readonly z.output<typeof channelRow>[]> {
  return database.any(sql.type(channelRow)`
    SELECT c.channel_id, c.type, c.destination, c.purpose, t.state, t.since, t.trouble
    FROM (
      SELECT channel_id, channel_type::text AS type, destination, channel_purpose::text AS purpose, secret_id
      FROM public.notification_subscription s JOIN public.notification_channel c ON c.id = s.channel_id
      WHERE user_id = ${person}
      UNION ALL
      SELECT channel_id, channel_type, destination, channel_purpose, NULL
      FROM notifier.person_channel_view WHERE user_id = ${person}
    ) c
    LEFT JOIN LATERAL (
      SELECT coalesce(unsubscribed_at, parked_at) AS since, coalesce(problem, parked_reason) AS trouble,
        CASE WHEN problem IS NOT NULL THEN 'unusable' WHEN unsubscribed_at IS NOT NULL THEN 'unsubscribed'
          WHEN parked_at IS NOT NULL THEN 'parked' WHEN failures > 0 THEN 'failing' ELSE 'open' END AS state
      FROM notifier.destination_view d
      WHERE d.channel = c.type AND d.secret_id IN ('', coalesce(c.secret_id, d.secret_id))
        AND lower(d.address) IN (lower(btrim(c.destination)), lower(ltrim(btrim(c.destination), '#')),
          lower(btrim(c.destination)) || '/', lower(to_json(c.destination)::text))
      ORDER BY d.secret_id = c.secret_id DESC NULLS LAST LIMIT 1
    ) t ON true
    ORDER BY c.channel_id, c.purpose`)
}

/** Of the newest feedback; what is older counts in the ranking and is not shown. */
const maxFeedback = 200

/** What a person says of the news items that they judged last. */
function readFeedback(database: Database, person: number): Promise<readonly Feedback[]> {
  return database.any(sql.type(feedbackRow)`
    SELECT news_id, opinion, done_at, snoozed_until FROM notifier.feedback_view
    WHERE user_id = ${person} ORDER BY changed_at DESC LIMIT ${maxFeedback}`)
}
