import { localTime } from '#runtime/text/time-zone.ts'
import { minuteMs } from '#runtime/text/time.ts'

/**
 * Quiet hours by the clocks of a time zone, in minutes since midnight. Hours that do not end after they begin end the
 * next day.
 */
export type QuietHours = {
  zone: string
  begins: number
  ends: number
  /** Weekdays on which they begin, 1 is Monday; null: every day. */
  days: readonly number[] | null
}

const quarterMs = 15 * minuteMs
const dayMinutes = 24 * 60
/** People with quiet hours all day are notified after this. */
const longestMs = 8 * dayMinutes * minuteMs

/**
 * The first time from `at` on (ms since 1970) that is in none of `hours`. The clocks decide: an hour that comes twice
 * is quiet twice, and hours end when the clocks jump over their end.
 */
export function endOfQuiet(hours: readonly QuietHours[], at: number): number {
  let time = at
  while (time < at + longestMs) {
    const left = Math.max(0, ...hours.map((one) => minutesLeft(one, time)))
    if (left === 0) return time
    // Time zones change their clocks only on quarters of an hour, so up to the next quarter the clocks run evenly.
    const minute = Math.floor(time / minuteMs) * minuteMs
    time = Math.min(minute + left * minuteMs, (Math.floor(time / quarterMs) + 1) * quarterMs)
  }
  return time
}

/** Minutes left of the hours at `at`; 0: it is not quiet. */
function minutesLeft({ zone, begins, ends, days }: QuietHours, at: number): number {
  const { year, month, day, hour, minute } = localTime(zone, at)
  const now = hour * 60 + minute
  const weekday = new Date(Date.UTC(year, month - 1, day)).getUTCDay()
  const begin = (daysAgo: number) => days === null || days.includes(((weekday - daysAgo + 6) % 7) + 1)
  if (begins < ends) return begins <= now && now < ends && begin(0) ? ends - now : 0
  if (now < ends && begin(1)) return ends - now
  return now >= begins && begin(0) ? dayMinutes - now + ends : 0
}
