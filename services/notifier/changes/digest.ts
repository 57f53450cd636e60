import { z } from 'zod'
import { type Apply, RefusedError } from '#runtime/changes/apply-changes.ts'
import type { Payload } from '#runtime/changes/kinds.ts'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { requireBucket, requireChannelOf, requirePerson, requireSeen } from './require.ts'

/** When digests are due of whom has not said it. */
export type DigestDefaults = {
  DIGEST_HOUR: number
  DIGEST_WEEKDAY: number
  DIGEST_ZONE: string
  DIGEST_ALL_QUIET: boolean
}

const policyRow = z.object({ policy: z.unknown() })

/** Sets which digests a person gets. What is not given stays, or is the default. */
export function setDigest(defaults: DigestDefaults): Apply<Payload<'notifier.digest.set'>> {
  return async (tx, { person, bucket = 0, rhythm, hour, weekday, zone, channel, all_quiet, revision }, asked) => {
    await requirePerson(tx, person)
    if (bucket !== 0) await requireBucket(tx, asked, bucket)
    if (channel) await requireChannelOf(tx, person, channel)
    await requireSeen(tx, person, { revision, now: revisionOf(person) })
    const before = await readPolicy(tx, person, bucket)
    await tx.query(sql.unsafe`
      INSERT INTO notifier.digest_policy AS p (user_id, bucket_id, rhythm, hour, weekday, zone, channel_id, all_quiet)
      VALUES (${person}, ${bucket}, ${rhythm ?? 'weekly'}, ${hour ?? defaults.DIGEST_HOUR},
        ${weekday ?? defaults.DIGEST_WEEKDAY}, ${zone ?? defaults.DIGEST_ZONE}, ${channel ?? null},
        ${all_quiet ?? defaults.DIGEST_ALL_QUIET})
      ON CONFLICT (user_id, bucket_id) DO UPDATE SET rhythm = coalesce(${rhythm ?? null}, p.rhythm),
        hour = coalesce(${hour ?? null}, p.hour), weekday = coalesce(${weekday ?? null}, p.weekday),
        zone = coalesce(${zone ?? null}, p.zone), all_quiet = coalesce(${all_quiet ?? null}, p.all_quiet),
        changed_at = now(),
        channel_id = CASE WHEN ${channel === undefined} THEN p.channel_id ELSE excluded.channel_id END`)
    return { message: 'Your digests are set.', before, after: await readPolicy(tx, person, bucket) }
  }
}

/** Removes what was set: the person then gets what people get who have set nothing. */
export const removeDigest: Apply<Payload<'notifier.digest.remove'>> = async (tx, { person, bucket = 0, revision }) => {
  await requireSeen(tx, person, { revision, now: revisionOf(person) })
  const before = await readPolicy(tx, person, bucket)
  if (before === null) throw new RefusedError('Nothing is set there.')
  await tx.query(sql.unsafe`
    DELETE FROM notifier.digest_policy WHERE user_id = ${person} AND bucket_id = ${bucket}`)
  return { message: 'You get the digests that people get who have set none.', before, after: null }
}

/** Of all digests of a person: one that was removed changes it, too. */
const revisionOf = (person: number) => sql.fragment`
  SELECT concat(count(*), ' ', extract(epoch FROM max(changed_at))) FROM notifier.digest_policy WHERE user_id = ${person}`

async function readPolicy(tx: Transaction, person: number, bucket: number): Promise<unknown> {
  return tx.maybeOneFirst(sql.type(policyRow)`
    SELECT to_jsonb(p) - 'user_id' - 'changed_at' AS policy FROM notifier.digest_policy p
    WHERE user_id = ${person} AND bucket_id = ${bucket}`)
}
