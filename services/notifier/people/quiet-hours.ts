import { localTime } from '#runtime/text/time-zone.ts'
import { minuteMs } from '#runtime/text/time.ts'

/** Hours of the day, by the clocks of a zone, in minutes since midnight. Those that do not end after they begin end the next day. */
export type QuietHours = {
  zone: string
  begins: number
  ends: number
  /** On which they begin, 1 is Monday; null: all. */
  days: readonly number[] | null
}

const quarterMs = 15 * minuteMs
const dayMinutes = 24 * 60
/** Who is never to be disturbed is, after this. */
const longestMs = 8 * dayMinutes * minuteMs

/**
 * The first time from `at` on (ms since 1970) that is in none of `hours`. What the clocks show decides: a time that comes
 * twice is quiet twice, and hours that end at a time which is left out end when the clocks jump over it.
 */
export function endOfQuiet(hours: readonly QuietHours[], at: number): number {
  let time = at
  while (time < at + longestMs) {
    const left = Math.max(0, ...hours.map((one) => minutesLeft(one, time)))
    if (left === 0) return time
    // Zones change their clocks on quarters of an hour only: up to the next one they run evenly.
    const minute = Math.floor(time / minuteMs) * minuteMs
    time = Math.min(minute + left * minuteMs, (Math.floor(time / quarterMs) + 1) * quarterMs)
  }
  return time
}

/** How long the hours last at `at`, in minutes; 0: it is not quiet. */
function minutesLeft({ zone, begins, ends, days }: QuietHours, at: number): number {
  const { year, month, day, hour, minute } = localTime(zone, at)
  const now = hour * 60 + minute
  const weekday = new Date(Date.UTC(year, month - 1, day)).getUTCDay()
  const begin = (daysAgo: number) => days === null || days.includes(((weekday - daysAgo + 6) % 7) + 1)
  if (begins < ends) return begins <= now && now < ends && begin(0) ? ends - now : 0
  if (now < ends && begin(1)) return ends - now
  return now >= begins && begin(0) ? dayMinutes - now + ends : 0
}
