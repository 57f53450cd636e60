import { z } from 'zod'
import { type Applied, type Apply, RefusedError } from '#runtime/changes/apply-changes.ts'
import type { Payload } from '#runtime/changes/kinds.ts'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { utcNow } from '#runtime/postgres/public-tables.ts'
import { requireBucket, requireCompany, requirePerson } from './require.ts'

const countRow = z.object({ count: z.number() })

/**
 * Lets a person follow a company, in parma-web's own table, or a bucket. What they follow already stays as it is.
 */
export const addFollow: Apply<Payload<'notifier.follow.add'>> = async (tx, { person, company, bucket }, asked) => {
  await requirePerson(tx, person)
  if (company !== undefined) {
    await requireCompany(tx, asked, company)
    const { rowCount } = await tx.query(sql.unsafe`
      INSERT INTO public.company_subscription (user_id, company_id, modified_at)
      VALUES (${person}, ${company}, ${utcNow}) ON CONFLICT DO NOTHING`)
    return added(rowCount, { company })
  }
  await requireBucket(tx, asked, bucket!)
  const { rowCount } = await tx.query(sql.unsafe`
    INSERT INTO notifier.subscription (user_id, bucket_id)
    SELECT ${person}::int, ${bucket!}::int WHERE NOT EXISTS (SELECT FROM ${plainBucketRow(person, bucket!)})`)
  return added(rowCount, { bucket })
}

function added(count: number, what: object): Applied {
  return count > 0
    ? { message: 'You follow it now.', before: null, after: what }
    : { message: 'You follow it already.', before: what, after: what }
}

/** Ends what a person follows: a company as such, a bucket, or one subscription of theirs. */
export const removeFollow: Apply<Payload<'notifier.follow.remove'>> = async (
  tx,
  { person, company, bucket, subscription },
) => {
  const rows =
    company !== undefined
      ? [
          sql.fragment`public.company_subscription WHERE user_id = ${person} AND company_id = ${company}`,
          sql.fragment`public.news_subscription WHERE user_id = ${person} AND company_id = ${company}`,
          sql.fragment`notifier.subscription WHERE user_id = ${person} AND company_id = ${company} AND bucket_id IS NULL`,
        ]
      : bucket !== undefined
        ? [sql.fragment`notifier.subscription WHERE user_id = ${person} AND bucket_id = ${bucket}`]
        : [sql.fragment`notifier.subscription WHERE user_id = ${person} AND subscription_id = ${subscription!}`]
  const removed = await removeRows(tx, rows)
  if (removed === 0 && subscription !== undefined)
    throw new RefusedError(`Person ${person} has no subscription ${subscription}.`)
  const what = { company, bucket, subscription }
  return removed > 0
    ? { message: 'You no longer follow it.', before: { ...what, rows: removed }, after: null }
    : { message: 'You did not follow it.', before: null, after: null }
}

async function removeRows(tx: Transaction, rows: readonly ReturnType<typeof sql.fragment>[]): Promise<number> {
  let removed = 0
  for (const row of rows)
    removed += await tx.oneFirst(sql.type(countRow)`
      WITH gone AS (DELETE FROM ${row} RETURNING 1) SELECT count(*)::int AS count FROM gone`)
  return removed
}

/** A subscription of a person to a bucket that is limited by nothing else. */
const plainBucketRow = (person: number, bucket: number) => sql.fragment`notifier.subscription s
  WHERE s.user_id = ${person} AND s.bucket_id = ${bucket} AND s.company_id IS NULL AND s.data_source_id IS NULL
    AND s.min_severity = 'info' AND s.kinds IS NULL AND s.channel_id IS NULL`
