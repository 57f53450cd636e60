import { dayMs, hourMs } from '#runtime/text/time.ts'
import type { Facts } from './facts.ts'

/** A payload is history when it is more than 24 hours old; one more hour for the way and for clocks that differ. */
const historyAge = 25 * hourMs

/**
 * The times of the snapshots of a package: `months` of them a month apart, oldest first, none before its first release.
 * The last is one second before the publish of today's `latest`, so that today differs from it. If that is not history
 * yet, it is the last midnight (UTC) that is, so that a repeated run posts the same again.
 */
export function planHistory(facts: Facts, now: Date, months: number): Date[] {
  const dates = Object.values(facts.published).map((date) => Date.parse(date))
  const first = Math.min(...dates)
  const change = Date.parse(facts.published[facts.latest] ?? '')
  const midnight = Math.floor((now.getTime() - historyAge) / dayMs) * dayMs
  const last = new Date(Math.min(change - 1000, midnight))
  return Array.from({ length: months }, (_, index) => goBack(last, months - 1 - index)).filter(
    (at) => at.getTime() >= first,
  )
}

/** The same day and time `months` earlier, or the last day of that month where it is too short. */
function goBack(from: Date, months: number): Date {
  const to = new Date(from)
  to.setUTCMonth(from.getUTCMonth() - months)
  if (to.getUTCDate() !== from.getUTCDate()) to.setUTCDate(0)
  return to
}
