import { hourMs, minuteMs } from '../text/time.ts'
/** Milliseconds since 1970 (UTC), or why the text is not an instant. */
type ReadDate = number | 'not-a-date' | 'no-such-date' | 'ambiguous-date'

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const monthName = `(jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\\.?`
const weekday = '(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?,?\\s+)?'
const time = '(\\d{2}):(\\d{2})(?::(\\d{2})(?:[.,](\\d+))?)?\\s*(Z|UTC|GMT|[+-]\\d{2}(?::?\\d{2})?)?'

const iso = new RegExp(`^(\\d{4})-(\\d{2})-(\\d{2})(?:(?:T|\\s+)${time})?$`, 'i')
const dayFirst = new RegExp(
  `^${weekday}(\\d{1,2})(?:st|nd|rd|th)?\\s+${monthName},?\\s+(\\d{4})(?:,?\\s+${time})?$`,
  'i',
)
const monthFirst = new RegExp(
  `^${weekday}${monthName}\\s+(\\d{1,2})(?:st|nd|rd|th)?,?\\s+(\\d{4})(?:,?\\s+${time})?$`,
  'i',
)

/** Texts that could be several instants: 3/4/2024, 2024-05, "3 days ago", a time with a named zone. */
const ambiguous = [
  /^\d{1,4}[/.-]\d{1,2}[/.-]\d{1,4}(?:\D.*)?$/,
  /^\d{4}(?:-(?:\d{2}|W\d{2}(?:-\d)?|\d{3}))?$/,
  /^[+-]?\d+(?:\.\d+)?$/,
  /\b(?:ago|now|today|yesterday|tomorrow|last|next|just|in (?:a|an|\d+))\b/i,
  new RegExp(`\\b${monthName}`, 'i'),
  /^\d{4}-\d{2}-\d{2}(?:T|\s+)\d{2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?\s*[a-z/_]+$/i,
]

/** 20230518174709 and 202305181747: a written date and time that would be another instant as an epoch. */
const compact = /^(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:[01]\d|2[0-3])[0-5]\d(?:[0-5]\d)?$/

/**
 * The instant in a text: ISO 8601 dates and times (with `T` or blanks), RFC 1123 dates, dates with an English month
 * name, epoch seconds and milliseconds as digits, also with a fraction. Without an offset it is UTC, without a time it is
 * midnight. Digits finer than milliseconds are cut off. Years 1 to 9999. `no-such-date`: it is written as a date or time
 * that does not exist, such as 30 February.
 */
export function readDate(text: string): ReadDate {
  const trimmed = text.trim()
  if (trimmed.length > 100) return 'not-a-date'
  let found = iso.exec(trimmed)
  if (found) return instant(found[1], found[2], found[3], found)
  found = dayFirst.exec(trimmed)
  if (found) return instant(found[3], monthNumber(found[2]), found[1], found)
  found = monthFirst.exec(trimmed)
  if (found) return instant(found[3], monthNumber(found[1]), found[2], found)
  if (/^[1-9]\d{8,13}(?:\.\d+)?$/.test(trimmed)) return readEpoch(trimmed)
  return ambiguous.some((pattern) => pattern.test(trimmed)) ? 'ambiguous-date' : 'not-a-date'
}

const plain = /^(\d+)(?:\.(\d+))?$/

/**
 * The instant of an epoch number: seconds from 1e8 (March 1973) to below 1e11, milliseconds from there to below 1e14.
 * Any other number could be a year, a day count or something else, and so could the digits of a date and time. What is
 * finer than milliseconds is cut off.
 */
export function readEpoch(text: string): ReadDate {
  const epoch = Number(text)
  if (!(epoch >= 1e8 && epoch < 1e14)) return 'ambiguous-date'
  // The digits decide, since a double may round them up: 1700000000.9999999.
  const [, whole = '', fraction = ''] = plain.exec(text) ?? plain.exec(String(epoch)) ?? []
  if (compact.test(whole)) return 'ambiguous-date'
  return Number(whole) >= 1e11 ? Number(whole) : Number(whole + fraction.padEnd(3, '0').slice(0, 3))
}

function monthNumber(name: string | undefined): string {
  return String(months.indexOf((name ?? '').slice(0, 3).toLowerCase()) + 1)
}

function instant(
  y: string | undefined,
  m: string | undefined,
  d: string | undefined,
  found: RegExpExecArray,
): ReadDate {
  const [year, month, day] = [Number(y), Number(m), Number(d)]
  const [hour, minute, second, millisecond] = [
    found[4],
    found[5],
    found[6],
    (found[7] ?? '').padEnd(3, '0').slice(0, 3),
  ].map((part) => Number(part ?? 0))
  const offset = offsetMinutes(found[8])
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  const exists = date.getUTCFullYear() === year && date.getUTCMonth() === month - 1 && date.getUTCDate() === day
  if (!exists || hour! > 23 || minute! > 59 || second! > 59 || offset === null) return 'no-such-date'
  const at = date.getTime() + hour! * hourMs + minute! * minuteMs + second! * 1000 + millisecond! - offset * minuteMs
  const result = new Date(at).getUTCFullYear()
  return result >= 1 && result <= 9999 ? at : 'no-such-date'
}

/** Minutes east of UTC, at most 18 hours (as in java.time); null if there is no such offset. */
function offsetMinutes(zone: string | undefined): number | null {
  const found = /^([+-])(\d{2}):?(\d{2})?$/.exec(zone ?? '')
  if (!found) return 0
  const minutes = Number(found[2]) * 60 + Number(found[3] ?? 0)
  if (minutes > 18 * 60 || Number(found[3] ?? 0) > 59) return null
  return found[1] === '-' ? -minutes : minutes
}
