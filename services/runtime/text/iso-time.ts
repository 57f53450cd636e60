import { minuteMs } from './time.ts'

/** The forms of ISO 8601 that are accepted. */
export const iso =
  /^(\d{4})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])(?:[T ]([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(?:[.,](\d{1,9}))?)?\s?(Z|[+-](?:[01]\d|2[0-3])(?::?[0-5]\d)?)?)?$/i

/** ms since 1970 of an ISO 8601 date or time, UTC if it has no offset; null: the text is neither. */
export function readIso(text: string): number | null {
  const found = iso.exec(text.trim())
  if (!found) return null
  const [year, month, day, hour, minute, second] = found.slice(1, 7).map((part) => Number(part ?? 0)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  const [fraction = '', offset = 'Z'] = found.slice(7, 9)
  // A date that does not exist, such as 30 February, would become another date.
  if (!hasDay(year, month, day)) return null
  const local = new Date(0)
  local.setUTCFullYear(year, month - 1, day)
  local.setUTCHours(hour, minute, second, Math.floor(Number(`0.${fraction || '0'}`) * 1000))
  return local.getTime() - offsetMs(offset)
}

const [earliest, latest] = [Date.parse('0001-01-01T00:00:00.000Z'), Date.parse('9999-12-31T23:59:59.999Z')]

/** What is wrong with a text that isStorable does not take. */
export const notStorable = 'the year must be 1 to 9999 in UTC'

/** Whether Postgres takes an ISO 8601 date or time: other times have no four digits for the year. */
export function isStorable(text: string): boolean {
  const at = readIso(text)
  return at !== null && at >= earliest && at <= latest
}

const written = /^(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ](\d{1,2})(?::(\d{1,2})(?::(\d{1,2}))?)?)?(?!\d)/i

/**
 * What is wrong with a text in the form of ISO 8601 that readIso does not read: the first part that does not exist, such
 * as `month 13 is not 1–12`. Null if no part is wrong.
 */
export function isoProblem(text: string): string | null {
  const [, year = '', ...parts] = written.exec(text.trim()) ?? []
  const ranges = [
    ['month', 1, 12],
    ['day', 1, 31],
    ['hour', 0, 23],
    ['minute', 0, 59],
    ['second', 0, 59],
  ] as const
  const [month = '', day = ''] = parts
  for (const [index, [name, least, most]] of ranges.entries()) {
    const part = parts[index]
    if (part === undefined) break
    if (Number(part) < least || Number(part) > most) return `${name} ${part} is not ${least}–${most}`
    if (name === 'day' && !hasDay(Number(year), Number(month), Number(day)))
      return `month ${Number(month)} of ${year} has no day ${Number(day)}`
  }
  return null
}

function hasDay(year: number, month: number, day: number): boolean {
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  return date.getUTCDate() === day
}

function offsetMs(offset: string): number {
  if (/^z$/i.test(offset)) return 0
  const [hours, minutes] = [Number(offset.slice(1, 3)), offset.length === 3 ? 0 : Number(offset.slice(-2))]
  return (offset.startsWith('-') ? -1 : 1) * (hours * 60 + minutes) * minuteMs
}
