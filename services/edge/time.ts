import { z } from 'zod'

/** The dates and times of ISO 8601 that are read. */
export const iso =
  /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?\s?(Z|[+-]\d\d(?::?\d\d)?)?)?$/i

/** ms since 1970 of an ISO 8601 date or time; without an offset it is UTC. null when the text is none. */
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
  // A date that does not exist, such as 30 February, comes out as another one.
  const isReal = local.getUTCMonth() === month - 1 && local.getUTCDate() === day && local.getUTCHours() === hour
  if (!isReal || minute > 59 || second > 59) return null
  const shift = offsetMs(offset)
  return shift === null ? null : local.getTime() - shift
}

function offsetMs(offset: string): number | null {
  if (/^z$/i.test(offset)) return 0
  const [hours, minutes] = [Number(offset.slice(1, 3)), Number(offset.slice(-2))]
  const isWhole = offset.length === 3
  if (hours > 23 || (!isWhole && minutes > 59)) return null
  return (offset.startsWith('-') ? -1 : 1) * (hours * 60 + (isWhole ? 0 : minutes)) * 60_000
}

export const naiveTime = z
  .string()
  .regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?$/)
  .describe('UTC, without a zone.')

/** A time as Python's `isoformat` writes it for UTC without a zone: microseconds, none when they are zero. */
export function naiveIso(ms: number): string {
  const [seconds = '', fraction = ''] = new Date(ms).toISOString().slice(0, -1).split('.')
  return fraction === '000' ? seconds : `${seconds}.${fraction}000`
}
