import { formatDate, formatList, formatNumber, formatTime } from '#runtime/text/format.ts'
import { excerpt } from '#runtime/text/shorten.ts'
import { dayMs } from '#runtime/text/time.ts'
import type { Value } from '../values/value.ts'

const maxName = 80
/** Longest text in a sentence. */
export const maxText = 140
/** Most members of a list in a sentence. */
const maxMembers = 5
const maxMember = 60

/** A name in a sentence; `otherwise` if it is empty. */
export function formatName(name: string, otherwise: string): string {
  return excerpt(name, maxName) || otherwise
}

export function formatValue(value: Value): string {
  switch (value.kind) {
    case 'number':
      return formatNumber(value.number)
    case 'bool':
      return value.bool ? 'yes' : 'no'
    case 'text':
      return excerpt(value.text, maxText) || 'nothing'
    case 'date':
      return formatDate(value.date)
    case 'set':
      return formatMembers(value.members)
  }
}

/** a, b and 3 more. */
export function formatMembers(members: readonly string[]): string {
  return formatList(
    members.map((member) => excerpt(member, maxMember) || 'an empty text'),
    maxMembers,
  )
}

/** The day since which something was as it was; with the time of day when that is less than two days ago. */
export function formatSince(at: number, now: number): string {
  return now - at < 2 * dayMs ? formatTime(at) : formatDate(at)
}
