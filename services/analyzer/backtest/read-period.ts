import { UsageError } from '#runtime/commands/commands.ts'
import { isoProblem, readIso } from '#runtime/text/iso-time.ts'
import { dayMs } from '#runtime/text/time.ts'
import type { Period } from './histories.ts'

/** Before and after all times that Postgres and JavaScript both know. */
const always = { from: Date.parse('0001-01-01'), to: Date.parse('9999-12-31') }

/**
 * The period between two times, as typed: ISO 8601 (UTC where no zone is given), or before now, such as 12m (months), 4w,
 * 90d or 2y. Without `from` it has no beginning, without `to` no end.
 */
export function readPeriod({ from, to }: { from?: string; to?: string }, now: number): Period {
  const period = {
    from: from === undefined ? always.from : readTime(from, '--from', now),
    to: to === undefined ? always.to : readTime(to, '--to', now),
  }
  if (period.from >= period.to)
    throw new UsageError(
      from === undefined
        ? `--to is ${JSON.stringify(to)}: give a later time.`
        : `--from is ${JSON.stringify(from)}, which is not before ${to === undefined ? 'now' : `--to ${JSON.stringify(to)}`}: give an earlier time.`,
    )
  return period
}

function readTime(text: string, option: string, now: number): number {
  const at = readIso(text) ?? readAgo(text, now)
  if (at !== null) return at
  const problem = isoProblem(text) ?? 'give a time such as 2026-01-31, or one before now such as 12m, 4w, 90d or 2y'
  throw new UsageError(`${option} is ${JSON.stringify(text)}: ${problem}.`)
}

/** The beginning of a period that ends now, such as 12m. */
export function requirePeriod(text: string, option: string, now: number): number {
  const at = readAgo(text, now)
  if (at !== null && at < now) return at
  throw new UsageError(
    `${option} is ${JSON.stringify(text)}: give a number of months, weeks, days or years, such as 12m, 4w, 90d or 2y.`,
  )
}

function readAgo(text: string, now: number): number | null {
  const [, digits, unit] = /^(\d{1,4})([dwmy])$/.exec(text) ?? []
  if (digits === undefined) return null
  const count = Number(digits)
  if (unit === 'd' || unit === 'w') return Math.max(always.from, now - count * (unit === 'w' ? 7 : 1) * dayMs)
  return Math.max(always.from, monthsBefore(now, unit === 'y' ? 12 * count : count))
}

/** On the same day of the month, or on its last day. */
function monthsBefore(now: number, months: number): number {
  const date = new Date(now)
  const day = date.getUTCDate()
  date.setUTCDate(1)
  date.setUTCMonth(date.getUTCMonth() - months)
  const days = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate()
  date.setUTCDate(Math.min(day, days))
  return date.getTime()
}
