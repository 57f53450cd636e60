import { v5 as uuidv5 } from 'uuid'
import { z } from 'zod'
import { column } from '#runtime/postgres/column.ts'
import { type Database, sql, type Transaction } from '#runtime/postgres/database.ts'
import { utcNow } from '#runtime/postgres/public-tables.ts'
import { channelKinds } from '../channels/kinds.ts'
import { enqueueForRecipients, type MessageToRecipients } from '../delivery/enqueue.ts'
import type { Message } from '../message/message.ts'
import { splitDigest } from '../render/split-digest.ts'
import { allChannels, allChannelSubscriptions } from '../people/channel-rows.ts'
import type { RecipientChannel } from '../people/recipients.ts'
import type { DueDigest } from './policies.ts'

/** Namespace of the ids of digests. The message with the id of a digest is the whole digest. */
const namespace = '7e0b2c55-9c0e-4c0b-8a51-2f4f6f1f1d0a'

/** A digest to write. Without a message it is empty; without channels nobody gets it. */
export type ComposedDigest = {
  due: DueDigest
  message: Message | null
  news: readonly string[]
  companies: readonly { id: number; name: string }[]
  channels: readonly RecipientChannel[]
}

/** What Firestore gets besides the news items and the message (reports.ts). */
export type ReportResult = Omit<DueDigest, 'channel_id' | 'all_quiet'> & Pick<ComposedDigest, 'companies'>

const readerChannelRow = z.object({
  company_id: z.null(),
  user_id: z.number(),
  user_name: z.string(),
  channel_type: z.string(),
  destination: z.string(),
  secret_id: z.string().nullable(),
  through: z.null(),
  channel_id: z.number(),
  is_for_reports: z.boolean(),
})

/**
 * Finds the channels at which the reader of each digest gets it: the channel of the policy, if it is one of theirs,
 * else their channels for REPORT. People who have none get it at all their channels, as the predecessor did, unless
 * `strict`.
 */
export async function findReaderChannels(
  connection: Pick<Database, 'any'>,
  due: readonly DueDigest[],
  strict: boolean,
): Promise<Map<DueDigest, RecipientChannel[]>> {
  const rows = await connection.any(sql.type(readerChannelRow)`
    WITH subscribed AS (
      SELECT user_id, channel_id, channel_purpose = 'REPORT' AS is_report,
        bool_or(channel_purpose = 'REPORT') OVER (PARTITION BY user_id) AS has_report
      FROM ${allChannelSubscriptions} s
      WHERE user_id = ANY(${column(due, 'int4', ({ user_id }) => user_id)})
    )
    SELECT NULL AS company_id, u.id AS user_id, u.name AS user_name, c.channel_type, c.destination, c.secret_id, NULL AS through,
      s.channel_id, s.is_report OR (NOT s.has_report AND ${!strict}) AS is_for_reports
    FROM subscribed s JOIN public."user" u ON u.id = s.user_id JOIN ${allChannels} c USING (channel_id)
    ORDER BY u.id, s.channel_id`)
  const byReader = Map.groupBy(rows, ({ user_id }) => user_id)
  return new Map(
    due.map((one) => {
      const own = byReader.get(one.user_id) ?? []
      const chosen = own.filter(({ channel_id }) => channel_id === one.channel_id)
      return [one, chosen.length > 0 ? chosen : own.filter(({ is_for_reports }) => is_for_reports)]
    }),
  )
}

type WriteOptions = {
  /** Also write digests that have nothing to send. */
  withEmpty: boolean
  /** Keep the results for Firestore. */
  keepResults: boolean
  /** Add rows to public.report. */
  writePublic: boolean
  /** The page of a digest; null: links are not set up. */
  linkOf(digestId: string): string | null
}

/** Writes digests, their news items and their messages. The transaction holds the digests’ lock. */
export async function writeDigests(
  tx: Transaction,
  made: readonly ComposedDigest[],
  options: WriteOptions,
): Promise<void> {
  const sent = made.filter(({ message, channels }) => message !== null && channels.length > 0)
  await writeRows(tx, options.withEmpty ? made : sent, options.keepResults)
  const items = sent.flatMap(({ due, news }) => news.map((id) => [due.user_id, due.bucket_id, id, due.period]))
  await tx.query(sql.unsafe`
    INSERT INTO notifier.digest_item (user_id, bucket_id, news_id, period)
    SELECT * FROM ${sql.unnest(items, ['int4', 'int4', 'uuid', 'text'])}`)
  await enqueueForRecipients(
    tx,
    sent.flatMap((one) => messagesOf(one, options.linkOf)),
  )
  if (options.writePublic) await writePublicReports(tx, sent, options.linkOf)
}

function writeRows(tx: Transaction, made: readonly ComposedDigest[], keepResults: boolean) {
  const rows = made.map((one) => {
    const { due, message, news, channels } = one
    const state = message === null ? 'empty' : channels.length === 0 ? 'nowhere' : 'made'
    const result = keepResults && state === 'made' ? JSON.stringify(resultOf(one)) : null
    return [due.user_id, due.bucket_id, due.period, idOf(due), due.rhythm, state, news.length, due.since, result]
  })
  // A row exists only for a digest that was not made before.
  return tx.query(sql.unsafe`
    INSERT INTO notifier.digest (user_id, bucket_id, period, digest_id, rhythm, state, news, since, result)
    SELECT user_id, bucket_id, period, digest_id, rhythm, state, news, to_timestamp(since / 1000.0), result
    FROM ${sql.unnest(rows, ['int4', 'int4', 'text', 'uuid', 'text', 'text', 'int4', 'int8', 'jsonb'])}
      AS d (user_id, bucket_id, period, digest_id, rhythm, state, news, since, result)
    ON CONFLICT (user_id, bucket_id, period) DO UPDATE
    SET state = excluded.state, reason = NULL, news = excluded.news, result = excluded.result, made_at = now()`)
}

function resultOf({ due, companies }: ComposedDigest): ReportResult {
  const { channel_id: _channel, all_quiet: _quiet, ...about } = due
  return { ...about, companies }
}

function idOf({ user_id, bucket_id, period }: DueDigest): string {
  return uuidv5(`${user_id}/${bucket_id}/${period}`, namespace)
}

/** One message for all channels. Channels for which it is too long get it in parts. */
function messagesOf(
  { due, message: composed, channels, news }: ComposedDigest,
  linkOf: WriteOptions['linkOf'],
): MessageToRecipients[] {
  if (composed === null) return []
  const id = idOf(due)
  const page = linkOf(id)
  const { digest } = composed
  const message = page === null || digest === undefined ? composed : { ...composed, digest: { ...digest, page } }
  const { user_id, bucket_id, period, rhythm, since } = due
  const tells = {
    items: news.map((newsId) => [newsId, 0] as const),
    digest: { digest_id: id, user_id, bucket_id, period, rhythm, since },
  }
  const of = (
    notificationId: string,
    message: Message,
    channels: readonly RecipientChannel[],
  ): MessageToRecipients => ({
    ...{ notificationId, kind: 'digest', companyId: null, dataSourceId: null, tells },
    message,
    channels,
  })
  const shapes = [
    ...Map.groupBy(channels, ({ channel_type }) => channelKinds[channel_type]?.maxDigestChars ?? Infinity),
  ]
  const shaped = shapes.map(([maxChars, channels]) => ({ maxChars, channels, parts: splitDigest(message, maxChars) }))
  const whole = shaped.filter(({ parts }) => parts.length === 1).flatMap(({ channels }) => channels)
  return [
    of(id, message, whole),
    ...shaped.flatMap(({ maxChars, channels, parts }) =>
      parts.length === 1 ? [] : parts.map((part, index) => of(uuidv5(`${maxChars}/${index}`, id), part, channels)),
    ),
  ]
}

/**
 * Adds one row for each company and week, whoever’s report it is in first, with the address of its page. Deleted
 * companies get none.
 */
async function writePublicReports(
  tx: Transaction,
  sent: readonly ComposedDigest[],
  linkOf: WriteOptions['linkOf'],
): Promise<void> {
  const rows = sent
    .filter(({ due }) => due.rhythm === 'weekly')
    .flatMap(({ due, companies }) =>
      companies.map(({ id }) => [id, due.period, linkOf(idOf(due)) ?? `report/${idOf(due)}`]),
    )
  await tx.query(sql.unsafe`
    WITH report AS (
      SELECT DISTINCT ON (company_id, period) *
      FROM ${sql.unnest(rows, ['int4', 'text', 'text'])} AS r (company_id, period, url) ORDER BY company_id, period
    ), fresh AS (
      INSERT INTO notifier.company_report (company_id, period) SELECT company_id, period FROM report
      ON CONFLICT DO NOTHING RETURNING company_id, period
    ), company AS (
      SELECT id FROM public.company WHERE id IN (SELECT company_id FROM fresh) ORDER BY id FOR KEY SHARE
    )
    INSERT INTO public.report (company_id, name, report_file_url, created_at, modified_at)
    SELECT company.id, 'Weekly report ' || period, url, ${utcNow}, ${utcNow}
    FROM fresh JOIN report USING (company_id, period) JOIN company ON company.id = fresh.company_id`)
}

/** Records that a digest could not be made. Its news items wait for the next one. */
export async function recordFailure(database: Database, due: DueDigest, reason: string): Promise<void> {
  await database.query(sql.unsafe`
    INSERT INTO notifier.digest (user_id, bucket_id, period, digest_id, rhythm, state, since, reason)
    VALUES (${due.user_id}, ${due.bucket_id}, ${due.period}, ${idOf(due)}::uuid, ${due.rhythm}, 'failed',
      to_timestamp(${due.since} / 1000.0), ${reason})
    ON CONFLICT DO NOTHING`)
}

/**
 * Forgets which news items were in digests when they are too old for any digest, up to `limit` rows. Returns how many.
 */
export async function pruneItems(database: Database, days: number, limit: number): Promise<number> {
  const { rowCount } = await database.query(sql.unsafe`
    DELETE FROM notifier.digest_item WHERE ctid = ANY(ARRAY(
      SELECT ctid FROM notifier.digest_item WHERE made_at < now() - ${days + 1} * interval '1 day'
      LIMIT ${limit} FOR UPDATE SKIP LOCKED))`)
  return rowCount
}
