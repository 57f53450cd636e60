const iso = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(Z|[+-]\d\d(?::?\d\d)?)?)?$/i

/**
 * A day or a time in ISO 8601 as ms since 1970, in UTC where it has no zone. Null for anything else, and for a day or
 * time that does not exist, such as February 30, which `Date.parse` takes for March 2.
 */
export function readIso(text: string): number | null {
  const [, year, month, day, time = '00:00', zone = 'Z'] = iso.exec(text.trim()) ?? []
  if (year === undefined || Number(day) > daysIn(Number(year), Number(month))) return null
  const [, hours, minutes = '00'] = /^([+-]\d\d):?(\d\d)?$/.exec(zone) ?? []
  const at = Date.parse(`${year}-${month}-${day}T${time}${hours === undefined ? 'Z' : `${hours}:${minutes}`}`)
  return Number.isNaN(at) ? null : at
}

/** 0 for a month that does not exist. */
function daysIn(year: number, month: number): number {
  if (month < 1 || month > 12) return 0
  const end = new Date(0)
  end.setUTCFullYear(year, month, 0)
  return end.getUTCDate()
}
