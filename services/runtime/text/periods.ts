import { dayMs } from './time.ts'
import { instantOf, type LocalTime, localTime } from './time-zone.ts'

/**
 * Week of a time (ms since 1970, UTC) as ISO 8601 writes it, for example `2026-W01`: its year is that of its Thursday.
 */
export function isoWeek(at: number): string {
  const date = new Date(at)
  const thursday = new Date(at + (4 - (date.getUTCDay() || 7)) * dayMs)
  const year = thursday.getUTCFullYear()
  const week = Math.floor((thursday.getTime() - Date.UTC(year, 0, 1)) / dayMs / 7) + 1
  return `${year}-W${String(week).padStart(2, '0')}`
}

export const rhythms = ['daily', 'weekly', 'monthly'] as const
type Rhythm = (typeof rhythms)[number]

/** When a person wants digests. `weekday` (1 is Monday) counts for weekly ones; monthly ones come on the first. */
export type Timing = { rhythm: Rhythm; hour: number; weekday: number; zone: string }

/** A digest period: when its digest is due, and its name (a day, a week or a month). */
export type DigestPeriod = { at: number; period: string }

/** The last period that was due at `now` (ms since 1970). */
export function lastPeriod(timing: Timing, now: number): DigestPeriod {
  for (let days = 0; ; days--) {
    const found = periodOn(timing, localTime(timing.zone, now), days)
    if (found && found.at <= now) return found
  }
}

/** The first period that is due after `now`. */
export function nextPeriod(timing: Timing, now: number): DigestPeriod {
  for (let days = 0; ; days++) {
    const found = periodOn(timing, localTime(timing.zone, now), days)
    if (found && found.at > now) return found
  }
}

/** The period that is due `days` after a date; null: none. */
function periodOn(
  { rhythm, hour, weekday, zone }: Timing,
  { year, month, day }: LocalTime,
  days: number,
): DigestPeriod | null {
  const date = new Date(Date.UTC(year, month - 1, day + days))
  if (rhythm === 'weekly' && weekdayOf(date) !== weekday) return null
  if (rhythm === 'monthly' && date.getUTCDate() !== 1) return null
  const local = { year, month, day: day + days, hour, minute: 0 }
  return { at: instantOf(zone, local), period: nameOf(rhythm, date) }
}

/** The day, week (ISO 8601) or month that `now` is in on the clocks of `zone`: 2026-11-26, 2026-W48, 2026-11. */
export function periodAt(rhythm: Rhythm, zone: string, now: number): string {
  const { year, month, day } = localTime(zone, now)
  return nameOf(rhythm, new Date(Date.UTC(year, month - 1, day)))
}

/** How many days the first digest of a person reaches back. */
export const periodDays: Readonly<Record<Rhythm, number>> = { daily: 1, weekly: 7, monthly: 31 }

function nameOf(rhythm: Rhythm, date: Date): string {
  if (rhythm === 'weekly') return isoWeek(date.getTime())
  return date.toISOString().slice(0, rhythm === 'daily' ? 10 : 7)
}

/** 1 is Monday. */
function weekdayOf(date: Date): number {
  return date.getUTCDay() || 7
}
