import { z } from 'zod'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { excerpt } from '#runtime/text/shorten.ts'
import { isZone } from '#runtime/text/time-zone.ts'
import { type Filterable, findMute, findWorsened, severities } from '../people/filter.ts'
import { endOfQuiet, type QuietHours } from '../people/quiet-hours.ts'
import type { QuietUntil } from './decide-when.ts'
import { reportOnce } from './postpone.ts'

const badness = z.object({
  severity: z.enum(severities),
  importance: z.number().nullable(),
  previous: z.string().nullable(),
  current: z.string().nullable(),
})
const muteRow = z.object({
  mute_id: z.number(),
  user_id: z.number(),
  company_id: z.number().nullable(),
  companies: z
    .array(z.number())
    .transform((ids) => new Set(ids))
    .nullable(),
  data_source_id: z.number().nullable(),
  source_measurement_id: z.number().nullable(),
  subject_key: z.string().nullable(),
  item_key: z.string().nullable(),
  below: z.enum(severities).nullable(),
  worse_than: badness.nullable(),
  created_at: z.number(),
  created_by: z.string().nullable(),
})
const quietRow = z.object({
  user_id: z.number(),
  zone: z.string(),
  begins: z.number(),
  ends: z.number(),
  days: z.array(z.number()).nullable(),
  critical_passes: z.boolean(),
})

/** Quiet hours of people who have set none, in minutes since midnight, by the time zone of each. */
export type DefaultHours = { begins: number; ends: number; zoneOf(userId: number): string }

/** A mute that keeps a message from a person: since when (ms since 1970), and who set it; null: that was not noted. */
export type MuteReason = Pick<z.output<typeof muteRow>, 'mute_id' | 'created_at' | 'created_by'>

/** What people have set: mutes and quiet hours. */
export type Preferences = {
  /** The mute of the person that covers the news item. */
  findMute(userId: number, news: Filterable): MuteReason | null
  /** Ids of mutes until it gets worse that one of these news items ends. */
  findWorsened(news: readonly Filterable[]): number[]
  quietUntil(userId: number, news: Pick<Filterable, 'severity'>): QuietUntil
}

/**
 * Reads the mutes and quiet hours of these people. Quiet hours of an unknown time zone are ignored and reported once.
 */
export async function readPreferences(
  tx: Transaction,
  userIds: readonly number[],
  defaults: DefaultHours | null = null,
): Promise<Preferences> {
  const { preferences, unknownZones } = await viewPreferences(tx, userIds, defaults)
  for (const { user_id, zone } of unknownZones)
    await reportOnce(
      tx,
      'no-such-zone',
      `quiet hours of person ${user_id}`,
      `The time zone ${JSON.stringify(excerpt(zone, 80))} does not exist, so these quiet hours are ignored. Set them again with \`parma quiet set\`.`,
    )
  return preferences
}

/** The same, which writes nothing. */
export async function viewPreferences(
  tx: Transaction,
  userIds: readonly number[],
  defaults: DefaultHours | null = null,
): Promise<{ preferences: Preferences; unknownZones: readonly { user_id: number; zone: string }[] }> {
  const ids = sql.array([...new Set(userIds)], 'int4')
  const mutes = await tx.any(sql.type(muteRow)`
    SELECT mute_id, user_id, company_id, data_source_id, source_measurement_id, subject_key, item_key, below, worse_than,
      created_at, created_by,
      CASE WHEN bucket_id IS NOT NULL THEN ARRAY(
        SELECT company_id FROM public.company_bucket_membership b WHERE b.bucket_id = m.bucket_id) END AS companies
    FROM notifier.mute m
    WHERE user_id = ANY(${ids}) AND (until IS NULL OR until > now())`)
  const quiet = await tx.any(sql.type(quietRow)`
    SELECT user_id, zone, extract(hour FROM begins)::int * 60 + extract(minute FROM begins)::int AS begins,
      extract(hour FROM ends)::int * 60 + extract(minute FROM ends)::int AS ends, days, critical_passes
    FROM notifier.quiet_hours WHERE user_id = ANY(${ids})`)
  const mutesOf = Map.groupBy(mutes, ({ user_id }) => user_id)
  const quietOf = Map.groupBy(
    quiet.filter(({ zone }) => isZone(zone)),
    ({ user_id }) => user_id,
  )
  const hasOwn = new Set(quiet.map(({ user_id }) => user_id))
  const usual = (userId: number) =>
    defaults === null || hasOwn.has(userId)
      ? []
      : [{ ...defaults, zone: defaults.zoneOf(userId), critical_passes: true, days: null }]
  const ends = new Map<string, number>()
  /** Many news items for many people share few combinations of hours and time. */
  const endOf = (hours: readonly QuietHours[], at: number): number => {
    const key = JSON.stringify([hours, at])
    const end = ends.get(key) ?? endOfQuiet(hours, at)
    ends.set(key, end)
    return end
  }
  const preferences: Preferences = {
    findMute: (userId, news) => findMute(news, mutesOf.get(userId) ?? []) ?? null,
    findWorsened: (news) => {
      const waiting = mutes.filter(({ worse_than }) => worse_than !== null)
      return [...new Set(news.flatMap((one) => findWorsened(one, waiting).map(({ mute_id }) => mute_id)))]
    },
    quietUntil: (userId, { severity }) => {
      const hours = (quietOf.get(userId) ?? usual(userId))
        .filter(({ critical_passes }) => severity !== 'critical' || !critical_passes)
        .map(({ zone, begins, ends: end, days }) => ({ zone, begins, ends: end, days }))
      return (at) => (hours.length === 0 ? at : endOf(hours, at))
    },
  }
  return { preferences, unknownZones: quiet.filter(({ zone }) => !isZone(zone)) }
}
