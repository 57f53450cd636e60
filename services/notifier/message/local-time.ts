/** A time as the clocks of a zone show it. */
export type LocalTime = { year: number; month: number; day: number; hour: number; minute: number }

/** Whether `text` names a time zone, such as Europe/Berlin (IANA). */
export function isZone(text: string): boolean {
  try {
    return formatOf(text) !== null
  } catch {
    return false
  }
}

/** What the clocks of `zone` show at `at` (ms since 1970). */
export function localTime(zone: string, at: number): LocalTime {
  const parts = formatOf(zone).formatToParts(at)
  const read = (type: keyof LocalTime) => Number(parts.find((part) => part.type === type)?.value)
  return { year: read('year'), month: read('month'), day: read('day'), hour: read('hour'), minute: read('minute') }
}

/**
 * When the clocks of `zone` show `local`, ms since 1970. A time that comes twice is the first of the two; one that the zone
 * leaves out is as much later as the clocks are put forward. Days and months beyond the end of theirs run on into the next.
 */
export function instantOf(zone: string, { year, month, day, hour, minute }: LocalTime): number {
  const wall = Date.UTC(year, month - 1, day, hour, minute)
  const [before, after] = [offsetAt(zone, wall - dayMs), offsetAt(zone, wall + dayMs)]
  const found = [wall - before, wall - after].filter((at) => at + offsetAt(zone, at) === wall)
  return found.length > 0 ? Math.min(...found) : wall - before
}

/** The first time after `after` (ms) at which the clocks of `zone` show `hour`:`minute`. */
export function nextTimeOfDay(zone: string, { hour, minute }: { hour: number; minute: number }, after: number): number {
  const today = localTime(zone, after)
  for (let days = 0; ; days++) {
    const at = instantOf(zone, { ...today, day: today.day + days, hour, minute })
    if (at > after) return at
  }
}

const dayMs = 24 * 60 * 60 * 1000

/** How far the clocks of `zone` are ahead of UTC at `at`, ms, in whole minutes. */
function offsetAt(zone: string, at: number): number {
  const { year, month, day, hour, minute } = localTime(zone, at)
  return Date.UTC(year, month - 1, day, hour, minute) - Math.floor(at / 60_000) * 60_000
}

/** Making one takes a hundred times as long as using it. There are some 600 zones, and people spell them in few ways. */
const formats = new Map<string, Intl.DateTimeFormat>()
const maxFormats = 1000

function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone)
  if (known) return known
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone,
    calendar: 'iso8601',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
  })
  if (formats.size >= maxFormats) formats.clear()
  formats.set(zone, format)
  return format
}
