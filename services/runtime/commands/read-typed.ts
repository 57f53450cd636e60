import { isoProblem, readIso } from '../text/iso-time.ts'
import { dayMs, hourMs, minuteMs } from '../text/time.ts'
import { UsageError } from './commands.ts'

// What people type as options and arguments. Each function throws a UsageError that names the option, what was typed
// and what is wrong with it.

/** A text for a row, without the blanks around it. */
export function requireText(text: string, option: string): string {
  const trimmed = text.trim()
  if (trimmed === '' || trimmed.includes('\0')) throw new UsageError(`${option} is empty: give a text.`)
  return trimmed
}

/** Makes a list of what an option that may be repeated is given: the last argument of commander's `option`. */
export function collect(one: string, before: string[] = []): string[] {
  return [...before, one]
}

const largest = 2 ** 31 - 1

/** A whole number from `least` to `most`. */
export function requireCount(text: string, option: string, { least = 1, most = largest } = {}): number {
  const number = Number(text)
  if (/^\d{1,15}$/.test(text) && number >= least && number <= most) return number
  const isTooLarge = /^\d+$/.test(text) && number > most
  const range = least === 1 && most === largest && !isTooLarge ? 'above 0' : `from ${least} to ${most}`
  throw wrong(option, text, `give a whole number ${range}`)
}

/** The id of a row. `remedy` says where ids are found. Without `option`, the id is an argument. */
export function requireId(text: string, remedy: string, option?: string): number {
  const id = Number(text)
  if (/^\d+$/.test(text) && id <= largest) return id
  const what = option === undefined ? JSON.stringify(text) : `${option} is ${JSON.stringify(text)}, which`
  throw new UsageError(`${what} is not an id. ${remedy}`)
}

/** An event id, in small letters. */
export function requireEventId(text: string, option: string): string {
  if (/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(text)) return text.toLowerCase()
  throw wrong(option, text, 'give an event id such as 8517922a-a7f2-537f-895f-9e49f6bed872')
}

const unitMs: Record<string, number> = { m: minuteMs, h: hourMs, d: dayMs }

/** A length of time such as 90m, 12h or 7d, in ms. */
export function requireDuration(text: string, option: string): number {
  const ms = readDuration(text)
  if (ms !== null && ms > 0) return ms
  throw wrong(option, text, 'give a time such as 30m, 2h or 7d')
}

/** A future time in ms since 1970: ISO 8601 (UTC where no zone is given), or a time from now such as 90m, 12h or 7d. */
export function requireFuture(text: string, option: string, now: number): number {
  const duration = readDuration(text)
  if (duration === 0) throw wrong(option, text, 'give a time from now above 0')
  if (duration !== null) return now + duration
  const at = readIso(text)
  if (at !== null && at > now) return at
  const reason = at === null ? isoProblem(text) : 'it is in the past'
  throw wrong(option, text, reason ?? 'give a time in the future, such as 2030-01-31T08:00Z, 12h or 7d')
}

/** A date or time in ISO 8601 (UTC where no zone is given), as it was typed; undefined where the option is not given. */
export function requireTime<T extends string | undefined>(text: T, option: string): T {
  if (text === undefined || readIso(text) !== null) return text
  throw wrong(option, text, isoProblem(text) ?? 'give a date or time such as 2026-01-31 or 2026-01-31T08:00Z')
}

function readDuration(text: string): number | null {
  const [, count, unit = ''] = /^(\d{1,5})([mhd])$/.exec(text) ?? []
  return count === undefined ? null : Number(count) * (unitMs[unit] ?? 0)
}

function wrong(option: string, text: string, reason: string): UsageError {
  return new UsageError(`${option} is ${JSON.stringify(text)}: ${reason}.`)
}
