import { z } from 'zod'
import { type Asked, RefusedError } from '#runtime/changes/apply-changes.ts'
import { personOf } from '#runtime/changes/roles.ts'
import { sql, type SqlFragment, type Transaction } from '#runtime/postgres/database.ts'
import { lock } from '#runtime/postgres/lock.ts'
import { isVisibleBucket, isVisibleCompany } from '#runtime/postgres/visible.ts'
import { allChannelSubscriptions } from '../people/channel-rows.ts'
import { severities } from '../people/filter.ts'

// What a change names must exist, and a person must be able to see it. Both refusals are the same, so that nobody learns
// which ids there are.

/** Throws a RefusedError unless there is such a person. */
export async function requirePerson(tx: Transaction, person: number): Promise<void> {
  await require(tx, sql.fragment`public."user" p WHERE p.id = ${person}`, `There is no person ${person}.`)
}

/** Throws a RefusedError unless there is such a company, and the actor may see it. */
export async function requireCompany(tx: Transaction, { actor }: Asked, company: number): Promise<void> {
  const person = personOf(actor)
  const isVisible = person === null ? sql.fragment`true` : isVisibleCompany(person, sql.fragment`c.id`)
  await require(tx, sql.fragment`public.company c WHERE c.id = ${company} AND ${isVisible}`, `There is no company ${company}, or you may not see it.`)
}

/** The same for a bucket. */
export async function requireBucket(tx: Transaction, { actor }: Asked, bucket: number): Promise<void> {
  const person = personOf(actor)
  const isVisible = person === null ? sql.fragment`true` : isVisibleBucket(person, sql.fragment`b`)
  await require(tx, sql.fragment`public.bucket b WHERE b.id = ${bucket} AND ${isVisible}`, `There is no bucket ${bucket}, or you may not see it.`)
}

/** Throws a RefusedError unless the person gets messages at the channel. */
export async function requireChannelOf(tx: Transaction, person: number, channel: number): Promise<void> {
  await require(tx, sql.fragment`${allChannelSubscriptions} s WHERE user_id = ${person} AND channel_id = ${channel}`, `Person ${person} gets no messages at channel ${channel}.`)
}

const revisionRow = z.object({ revision: z.string() })

/**
 * Throws a RefusedError when a person's settings are no longer those that whoever asks has seen. `now`: SQL of their
 * revision, as the edge reads it (changes/person.ts). Of two who ask at once the second waits.
 */
export async function requireSeen(
  tx: Transaction,
  person: number,
  { revision, now }: { revision: string | undefined; now: SqlFragment },
): Promise<void> {
  await lock(tx, 'notifier.settings', person)
  if (revision === undefined || revision === (await tx.oneFirst(sql.type(revisionRow)`SELECT (${now}) AS revision`)))
    return
  throw new RefusedError(
    'Somebody has changed them since you looked, so nothing was changed. This is how they are now.',
  )
}

const newsRow = z.object({
  company_id: z.number(),
  source_measurement_id: z.number(),
  subject_key: z.string().nullable(),
  item_key: z.string().nullable(),
  severity: z.enum(severities),
  importance: z.number().nullable(),
  previous: z.string().nullable(),
  current: z.string().nullable(),
  is_recipient: z.boolean(),
})

/**
 * A news item, silent ones too. Throws a RefusedError unless there is one, and the actor may see its company or was sent
 * it.
 */
export async function requireNews(tx: Transaction, asked: Asked, id: string): Promise<z.output<typeof newsRow>> {
  const columns = sql.fragment`company_id, source_measurement_id, subject_key, item_key, severity, importance, previous, current`
  const person = personOf(asked.actor)
  const [news] = await tx.any(sql.type(newsRow)`
    SELECT ${columns}, EXISTS (
      SELECT FROM notifier.item_delivery d
      WHERE d.item_id = ${id}::uuid AND d.people @> jsonb_build_array(jsonb_build_object('id', ${person}::int))
    ) AS is_recipient
    FROM (
      SELECT ${columns} FROM notifier.news_item JOIN notifier.news_group USING (group_id) WHERE news_id = ${id}::uuid
      UNION ALL
      SELECT ${columns} FROM analyzer.news_view WHERE news_id = ${id}::uuid
    ) n LIMIT 1`)
  if (!news) throw new RefusedError('There is no such news item, or you may not see it.')
  if (!news.is_recipient)
    await requireCompany(tx, asked, news.company_id).catch((error: unknown) => {
      if (!(error instanceof RefusedError)) throw error
      throw new RefusedError('There is no such news item, or you may not see it.')
    })
  return news
}

async function require(tx: Transaction, rows: SqlFragment, refusal: string): Promise<void> {
  if (!(await tx.exists(sql.unsafe`SELECT FROM ${rows}`))) throw new RefusedError(refusal)
}
