import { excerpt, sayList, sayNumber, sayTime } from '../values/format.ts'
import type { Value } from '../values/value.ts'

const maxName = 80
/** Of a text in a sentence. */
export const maxText = 140
/** Of a list in a sentence. */
export const maxMembers = 5

/** A name in a sentence; `otherwise` where there is none. */
export function sayName(name: string, otherwise: string): string {
  return excerpt(name, maxName) || otherwise
}

export function sayValue(value: Value): string {
  switch (value.kind) {
    case 'number':
      return sayNumber(value.number)
    case 'bool':
      return value.bool ? 'yes' : 'no'
    case 'text':
      return excerpt(value.text, maxText) || 'nothing'
    case 'date':
      return sayTime(value.date)
    case 'set':
      return sayList(value.members, maxMembers)
  }
}
