import { LRUCache } from 'lru-cache'
import { dayMs, minuteMs } from './time.ts'
/** A time as the clocks of a zone show it. */
export type LocalTime = { year: number; month: number; day: number; hour: number; minute: number }

/** Whether `text` names a time zone, such as Europe/Berlin (IANA). */
export function isZone(text: string): boolean {
  return findFormat(text) !== null
}

/** What the clocks of `zone` show at `at` (ms since 1970). Throws a RangeError when `isZone` says no. */
export function localTime(zone: string, at: number): LocalTime {
  if (zone === 'UTC') return utcTime(at)
  const format = findFormat(zone)
  if (!format) throw new RangeError(`${zone} is not a time zone`)
  const parts = format.formatToParts(at)
  const read = (type: keyof LocalTime) => Number(parts.find((part) => part.type === type)?.value)
  return { year: read('year'), month: read('month'), day: read('day'), hour: read('hour'), minute: read('minute') }
}

/** The same without a calendar of zones, which would take most of the time that an axis of a picture takes. */
function utcTime(at: number): LocalTime {
  const date = new Date(at)
  if (Number.isNaN(date.getTime())) throw new RangeError(`${at} is not a time`)
  const [year, month, day] = [date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate()]
  return { year, month, day, hour: date.getUTCHours(), minute: date.getUTCMinutes() }
}

/**
 * When the clocks of `zone` show `local`, ms since 1970. A time that comes twice is the first of the two; one that the
 * zone leaves out is as much later as the clocks are put forward. Days and months beyond the end of theirs run on into
 * the next.
 */
export function instantOf(zone: string, { year, month, day, hour, minute }: LocalTime): number {
  const wall = Date.UTC(year, month - 1, day, hour, minute)
  const [before, after] = [offsetAt(zone, wall - dayMs), offsetAt(zone, wall + dayMs)]
  const found = [wall - before, wall - after].filter((at) => at + offsetAt(zone, at) === wall)
  return found.length > 0 ? Math.min(...found) : wall - before
}

/**
 * When the clocks of `zone` first reach `wall`, the time that they show written as ms since 1970 as if it were UTC. A
 * time that comes twice is the first of the two; one that the zone leaves out is the end of the gap.
 */
export function whenReached(zone: string, wall: number): number {
  const [before, after] = [offsetAt(zone, wall - dayMs), offsetAt(zone, wall + dayMs)]
  const found = [wall - before, wall - after].filter((at) => at + offsetAt(zone, at) === wall)
  return found.length > 0 ? Math.min(...found) : changeOfOffset(zone, wall - dayMs, wall + dayMs)
}

/** The first minute after `from` at which `zone` has another offset than at `from`, if it has another one at `to`. */
export function changeOfOffset(zone: string, from: number, to: number): number {
  const old = offsetAt(zone, from)
  let [low, high] = [Math.floor(from / minuteMs), Math.ceil(to / minuteMs)]
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (offsetAt(zone, middle * minuteMs) === old) low = middle
    else high = middle
  }
  return high * minuteMs
}

/** The first time after `after` (ms) at which the clocks of `zone` show `hour`:`minute`. */
export function nextTimeOfDay(zone: string, { hour, minute }: { hour: number; minute: number }, after: number): number {
  const today = localTime(zone, after)
  for (let days = 0; ; days++) {
    const at = instantOf(zone, { ...today, day: today.day + days, hour, minute })
    if (at > after) return at
  }
}

/** How far the clocks of `zone` are ahead of UTC at `at`, ms, in whole minutes. */
export function offsetAt(zone: string, at: number): number {
  const { year, month, day, hour, minute } = localTime(zone, at)
  return Date.UTC(year, month - 1, day, hour, minute) - Math.floor(at / minuteMs) * minuteMs
}

/**
 * Making one takes a hundred times as long as using it. There are some 600 zones, and people spell them in few ways.
 */
const formats = new LRUCache<string, { format: Intl.DateTimeFormat | null }>({ max: 1000 })

/** null: there is no such zone. */
function findFormat(zone: string): Intl.DateTimeFormat | null {
  let known = formats.get(zone)
  if (!known) {
    known = { format: createFormat(zone) }
    formats.set(zone, known)
  }
  return known.format
}

function createFormat(timeZone: string): Intl.DateTimeFormat | null {
  const date = { year: 'numeric', month: 'numeric', day: 'numeric' } as const
  const time = { hourCycle: 'h23', hour: 'numeric', minute: 'numeric' } as const
  try {
    return new Intl.DateTimeFormat('en-GB', {
      timeZone,
      calendar: 'iso8601',
      numberingSystem: 'latn',
      ...date,
      ...time,
    })
  } catch (error) {
    if (error instanceof RangeError) return null
    throw error
  }
}
