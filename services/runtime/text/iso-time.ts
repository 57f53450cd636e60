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
  const local = new Date(0)
  local.setUTCFullYear(year, month - 1, day)
  local.setUTCHours(hour, minute, second, Math.floor(Number(`0.${fraction || '0'}`) * 1000))
  // A date that does not exist, such as 30 February, becomes another date.
  return local.getUTCDate() === day ? local.getTime() - offsetMs(offset) : null
}

function offsetMs(offset: string): number {
  if (/^z$/i.test(offset)) return 0
  const [hours, minutes] = [Number(offset.slice(1, 3)), offset.length === 3 ? 0 : Number(offset.slice(-2))]
  return (offset.startsWith('-') ? -1 : 1) * (hours * 60 + minutes) * minuteMs
}
