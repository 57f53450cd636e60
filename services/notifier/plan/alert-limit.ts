import { z } from 'zod'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
import { hourMs } from '#runtime/text/time.ts'
import { instantOf, isZone, localTime } from '#runtime/text/time-zone.ts'

/** How many alerts people have had on their day. */
export type AlertLimit = {
  /** How many a day; 0: no limit. */
  perDay: number
  /** Whether one about this company would be too many. */
  covers(userId: number, companyId: number): boolean
  /** An alert about this company is planned; those that wait for each other are one. */
  add(userId: number, companyId: number): void
}

/** No limit at all. */
export const unlimited: AlertLimit = { perDay: 0, covers: () => false, add: () => undefined }

/** People with a limit, and their time zones. */
type Limited = readonly { id: number; zone: string }[]

const waitingFor = (companyId: number) => `company ${companyId}`

/** `alertsOf`: what a person had on their day: messages, and companies about which something waits. */
function limitBy(people: Limited, perDay: number, alertsOf: (userId: number) => Set<string>): AlertLimit {
  const isLimited = new Set(people.map(({ id }) => id))
  return {
    perDay,
    covers: (userId, companyId) =>
      isLimited.has(userId) && alertsOf(userId).size >= perDay && !alertsOf(userId).has(waitingFor(companyId)),
    add: (userId, companyId) => void alertsOf(userId).add(waitingFor(companyId)),
  }
}

const alertRow = z.object({ user_id: z.number(), alert: z.string() })

/**
 * The alerts that these people had on the present day of their time zone, and the limit of `perDay`; 0: none. Whoever
 * has no digests has no limit, because what is kept back stands there.
 */
export async function readAlertLimit(
  tx: Transaction,
  people: Limited,
  { perDay, now }: { perDay: number; now: number },
): Promise<AlertLimit> {
  if (perDay === 0 || people.length === 0) return unlimited
  const rows = await tx.any(sql.type(alertRow)`
    SELECT DISTINCT d.user_id, coalesce(i.notification_id::text, 'company ' || i.company_id) AS alert
    FROM ${sql.unnest(
      people.map(({ id, zone }) => [id, startOfDay(zone, now)]),
      ['int4', 'int8'],
    )} AS d (user_id, since)
    JOIN notifier.item_delivery i ON i.assigned_at >= to_timestamp(d.since / 1000.0)
      AND i.people @> jsonb_build_array(jsonb_build_object('id', d.user_id))
    WHERE i.kept_back IS NULL AND i.company_id <> 0
      AND i.assigned_at >= to_timestamp(${now}::int8 / 1000.0) - interval '2 days'`)
  const byPerson = Map.groupBy(rows, ({ user_id }) => user_id)
  const alerts = new Map<number, Set<string>>()
  const alertsOf = (id: number): Set<string> => {
    const known = alerts.get(id) ?? new Set((byPerson.get(id) ?? []).map(({ alert }) => alert))
    alerts.set(id, known)
    return known
  }
  return limitBy(people, perDay, alertsOf)
}

/** On which clocks go forward. */
const shortestDayMs = 23 * hourMs

/** A message that was made: what waited about its companies is one alert of each of `people`. */
type MadeMessage = { id: string; companyIds: readonly number[]; people: readonly number[] }

/** The same limit for times that the caller goes through: `now` returns the present one, ms since 1970. */
export function createAlertLimit(
  people: Limited,
  perDay: number,
  now: () => number,
): AlertLimit & { send(messages: readonly MadeMessage[]): void } {
  if (perDay === 0) return { ...unlimited, send: () => undefined }
  const zones = new Map(people.map(({ id, zone }) => [id, zone]))
  const days = new Map<number, { since: number; alerts: Set<string> }>()
  const alertsOf = (userId: number): Set<string> => {
    const known = days.get(userId)
    if (known && now() >= known.since && now() < known.since + shortestDayMs) return known.alerts
    const since = startOfDay(zones.get(userId) ?? 'UTC', now())
    if (known?.since === since) return known.alerts
    const alerts = new Set<string>()
    days.set(userId, { since, alerts })
    return alerts
  }
  return {
    ...limitBy(people, perDay, alertsOf),
    send(messages) {
      const counted = messages.flatMap(({ id, companyIds, people }) =>
        people
          .map(alertsOf)
          .filter((alerts) => companyIds.some((company) => alerts.has(waitingFor(company))))
          .map((alerts) => ({ alerts, id, companyIds })),
      )
      for (const { alerts, companyIds } of counted) for (const company of companyIds) alerts.delete(waitingFor(company))
      for (const { alerts, id } of counted) alerts.add(id)
    },
  }
}

function startOfDay(zone: string, now: number): number {
  const known = isZone(zone) ? zone : 'UTC'
  return instantOf(known, { ...localTime(known, now), hour: 0, minute: 0 })
}
