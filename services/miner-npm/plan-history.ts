import { dayMs, hourMs } from '#runtime/text/time.ts'
import type { Facts } from './facts.ts'

/** What was observed at most 24 hours ago is news, not history; one more for the way and for clocks that differ. */
const historyAge = 25 * hourMs

/**
 * When to look back at a package: `months` times a month apart, oldest first, those before its first release left out.
 * The last is one second before the newest real change, the publish of today's `latest`, so that today differs from it;
 * where that is no history yet, the last midnight (UTC) that is: a run that is repeated feeds the same again.
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
