import { excerpt, formatList, formatNumber, formatTime } from '../values/format.ts'
import type { Value } from '../values/value.ts'

const maxName = 80
/** Longest text in a sentence. */
export const maxText = 140
/** Most members of a list in a sentence. */
export const maxMembers = 5

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
      return formatTime(value.date)
    case 'set':
      return formatList(value.members, maxMembers)
  }
}
