import { z } from 'zod'
import { auditCommand } from '#runtime/changes/audit-command.ts'
import { type Database, sql, type Transaction } from '#runtime/postgres/database.ts'
import { ensureDestinations } from '../delivery/enqueue.ts'
import type { Destination } from '../people/destinations.ts'
import type { LastWord } from '../told/last-words.ts'

const knownRow = z.object({
  notification_id: z.string(),
  channel: z.string(),
  address: z.string(),
  secret_id: z.string(),
})

/** Those of `words` that say of a message that it is, or may be, told, and of which the database does not; the oldest first. */
export async function findForgotten(
  connection: Pick<Database, 'any'>,
  words: readonly LastWord[],
): Promise<LastWord[]> {
  const told = words.filter(({ state }) => state === 'sent' || state === 'unknown')
  const rows = await connection.any(sql.type(knownRow)`
    SELECT notification_id, channel, address, secret_id
    FROM ${sql.unnest(told.map(keysOf), ['uuid', 'text', 'text', 'text', 'text'])}
      AS w (notification_id, channel, address, secret_id, state)
    JOIN notifier.destination t USING (channel, address, secret_id)
    JOIN notifier.delivery d USING (notification_id, destination_id)
    -- Of one that failed, a person may have said that it is sent again.
    WHERE d.state = 'sent' OR (w.state = 'unknown' AND d.state IN ('unknown', 'failed'))`)
  const known = new Set(rows.map((row) => [row.notification_id, row.channel, row.address, row.secret_id].join()))
  return told
    .filter((word) => !known.has(keysOf(word).slice(0, -1).join()))
    .sort((a, b) => a.delivery_id - b.delivery_id)
}

const keysOf = ({ notification_id, channel, address, secret_id, state }: LastWord) => [
  ...[notification_id, channel, address, secret_id],
  state,
]

/** Writes these messages into the delivery log as told, with its audit row: nobody is told them again. */
export async function recallDeliveries(database: Database, words: readonly LastWord[]): Promise<void> {
  if (words.length === 0) return
  await database.transaction(async (tx) => {
    const idOf = await ensureDestinations(tx, words.map(destinationOf))
    const rows = words.map((word) => ({ ...word, destinationId: idOf(destinationOf(word)) }))
    await insertMessages(tx, words)
    await insertDeliveries(tx, rows)
    await insertItems(tx, rows)
    await insertDigests(tx, words)
    const after = { deliveries: words.map(({ delivery_id }) => delivery_id) }
    await auditCommand(tx, 'notifier', { kind: 'notifier.delivery.recall', subject: 'deliveries', after })
  })
}

function destinationOf({ channel, address, secret_id: secretId }: LastWord): Destination {
  return { channel, address, secretId, problem: null }
}

type Placed = LastWord & { destinationId: number }

function insertMessages(tx: Transaction, words: readonly LastWord[]) {
  const rows = words.map(({ notification_id, at, state, content }) => [
    ...[notification_id, content.kind, content.company_id, content.data_source_id, content.message, content.series_id],
    ...[at, state === 'sent', JSON.stringify(tellsOf(content))],
  ])
  return tx.query(sql.unsafe`
    INSERT INTO notifier.notification AS n
      (notification_id, kind, company_id, data_source_id, message, series_id, created_at, told_at, tells)
    SELECT DISTINCT ON (id) id, kind, company, source, message, series, to_timestamp(at / 1000.0),
      CASE WHEN is_sent THEN to_timestamp(at / 1000.0) END, tells
    FROM ${sql.unnest(rows, ['uuid', 'text', 'int4', 'int4', 'jsonb', 'uuid', 'int8', 'bool', 'jsonb'])}
      AS d (id, kind, company, source, message, series, at, is_sent, tells)
    ORDER BY id, is_sent DESC, at
    ON CONFLICT (notification_id) DO UPDATE SET told_at = coalesce(n.told_at, excluded.told_at)`)
}

function tellsOf({ items, digest }: LastWord['content']) {
  return { items: items.map(({ item_id, company_id }) => [item_id, company_id]), ...(digest && { digest }) }
}

/**
 * With their numbers, by which later ones follow them and changes name them; a number that another one has by now is
 * replaced. The counter goes on after them.
 */
async function insertDeliveries(tx: Transaction, rows: readonly Placed[]): Promise<void> {
  const deliveries = rows.map((one) => [
    ...[one.delivery_id, one.notification_id, one.destinationId, one.state, one.reference, one.claim, one.at],
    ...[one.content.follows, JSON.stringify(one.content.people)],
  ])
  await tx.query(sql.unsafe`
    SELECT setval(pg_get_serial_sequence('notifier.delivery', 'delivery_id'),
      greatest(max(d.id), (SELECT max(delivery_id) FROM notifier.delivery), 1))
    FROM unnest(${sql.array(
      rows.map((one) => one.delivery_id),
      'int8',
    )}) AS d (id)`)
  await tx.query(sql.unsafe`
    INSERT INTO notifier.delivery AS known (delivery_id, notification_id, destination_id, people, follows, state, reason,
      reference, claim, created_at, settled_at)
    OVERRIDING SYSTEM VALUE
    SELECT CASE WHEN EXISTS (SELECT FROM notifier.delivery o WHERE o.delivery_id = d.id)
        THEN nextval(pg_get_serial_sequence('notifier.delivery', 'delivery_id')) ELSE d.id END,
      notification, destination, coalesce((
        SELECT jsonb_agg(jsonb_build_object('id', u.id, 'name', u.name) ORDER BY u.id)
        FROM public."user" u WHERE d.people @> to_jsonb(u.id)
      ), '[]'), d.follows, d.state, CASE WHEN d.state = 'unknown' THEN 'recalled after a restore: its answer is not known' END,
      d.reference, d.claim, to_timestamp(at / 1000.0), to_timestamp(at / 1000.0)
    FROM ${sql.unnest(deliveries, ['int8', 'uuid', 'int4', 'text', 'text', 'int4', 'int8', 'int8', 'jsonb'])}
      AS d (id, notification, destination, state, reference, claim, at, follows, people)
    ON CONFLICT (notification_id, destination_id) DO UPDATE SET state = excluded.state, reason = excluded.reason,
      reference = excluded.reference, claim = excluded.claim, due_at = NULL, settled_at = excluded.settled_at`)
}

/** As if it was decided now who gets them: the cool-down holds for what they tell while the rest is told. */
function insertItems(tx: Transaction, rows: readonly Placed[]) {
  const items = rows.flatMap(({ content, notification_id, destinationId }) =>
    content.digest ? [] : content.items.map((one) => [one.item_id, destinationId, one.company_id, notification_id]),
  )
  return tx.query(sql.unsafe`
    INSERT INTO notifier.item_delivery AS i (item_id, destination_id, company_id, people, notification_id)
    SELECT DISTINCT ON (item, destination) item, destination, company, d.people, notification
    FROM ${sql.unnest(items, ['uuid', 'int4', 'int4', 'uuid'])} AS w (item, destination, company, notification)
    JOIN notifier.delivery d ON d.notification_id = w.notification AND d.destination_id = w.destination
    ORDER BY item, destination
    ON CONFLICT (item_id, destination_id) DO UPDATE SET notification_id = excluded.notification_id, kept_back = NULL`)
}

/** Their news items do not stand in the next digest. */
async function insertDigests(tx: Transaction, words: readonly LastWord[]): Promise<void> {
  const digests = words.flatMap(({ content, at }) =>
    content.digest ? [{ ...content.digest, at, items: content.items.map(({ item_id }) => item_id) }] : [],
  )
  const rows = digests.map((one) => [
    ...[one.user_id, one.bucket_id, one.period, one.digest_id, one.rhythm, one.items.length, one.since, one.at],
  ])
  await tx.query(sql.unsafe`
    INSERT INTO notifier.digest (user_id, bucket_id, period, digest_id, rhythm, state, news, since, made_at)
    SELECT DISTINCT ON (user_id, bucket_id, period) user_id, bucket_id, period, digest_id, rhythm, 'made', news,
      to_timestamp(since / 1000.0), to_timestamp(at / 1000.0)
    FROM ${sql.unnest(rows, ['int4', 'int4', 'text', 'uuid', 'text', 'int4', 'int8', 'int8'])}
      AS d (user_id, bucket_id, period, digest_id, rhythm, news, since, at)
    ORDER BY user_id, bucket_id, period, at
    ON CONFLICT (user_id, bucket_id, period) DO UPDATE SET state = 'made', reason = NULL, news = excluded.news`)
  const items = digests.flatMap((one) => one.items.map((id) => [one.user_id, one.bucket_id, id, one.period, one.at]))
  await tx.query(sql.unsafe`
    INSERT INTO notifier.digest_item (user_id, bucket_id, news_id, period, made_at)
    SELECT user_id, bucket_id, news_id, period, to_timestamp(at / 1000.0)
    FROM ${sql.unnest(items, ['int4', 'int4', 'uuid', 'text', 'int8'])} AS d (user_id, bucket_id, news_id, period, at)
    ON CONFLICT DO NOTHING`)
}
