import { createHash } from 'node:crypto'
import type { ObservedValue } from '#schemas/generated/types.ts'

/** A value as it is compared and stored. */
export type Value =
  | { kind: 'number'; number: number }
  | { kind: 'bool'; bool: boolean }
  /** `hash`: of the whole text, if `text` is only its beginning. */
  | { kind: 'text'; text: string; hash?: string }
  | { kind: 'date'; date: number }
  | { kind: 'set'; members: string[] }

type Found = Pick<ObservedValue, 'type' | 'number' | 'text' | 'date' | 'members'>

/** Of longer texts the beginning and a hash are kept. */
const maxText = 2000
// https://tc39.es/ecma262/#sec-time-values-and-time-range
const maxDate = 8.64e15

/** Null if there is nothing to compare. */
export function readValue({ type, number, text, date, members }: Found): Value | null {
  if (members !== null) return { kind: 'set', members: [...new Set(members)] }
  if (date !== null) return Math.abs(date) <= maxDate ? { kind: 'date', date } : null
  if (number !== null && Number.isFinite(number))
    return type === 'bool' ? { kind: 'bool', bool: number !== 0 } : { kind: 'number', number }
  return text === null ? null : readText(text)
}

/** White space does not count. */
function readText(source: string): Value {
  const text = source.replace(/\s+/g, ' ').trim()
  if (text.length <= maxText) return { kind: 'text', text }
  const hash = createHash('sha256').update(text).digest('hex')
  return { kind: 'text', text: text.slice(0, maxText).toWellFormed(), hash }
}

/** The number that rules work with; null for other values. */
export function numberOf(value: Value): number | null {
  if (value.kind === 'number') return value.number
  return value.kind === 'bool' ? Number(value.bool) : null
}

/** Values of different kinds are never equal. The order in a set does not count. */
export function isSame(a: Value, b: Value): boolean {
  if (a.kind === 'set' && b.kind === 'set')
    return a.members.length === b.members.length && missingIn(a.members, b.members).length === 0
  if (a.kind === 'text' && b.kind === 'text') return a.text === b.text && a.hash === b.hash
  if (a.kind === 'date' && b.kind === 'date') return a.date === b.date
  return a.kind === b.kind && numberOf(a) === numberOf(b)
}

/** The words of a text in lower case, without punctuation and blanks. */
export function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{M}\p{N}]+/gu) ?? []
}

/** Whether two texts read the same. Case and punctuation do not count, nor do numbers within a sentence. */
export function readsTheSame(a: Value, b: Value): boolean {
  if (a.kind !== 'text' || b.kind !== 'text') return false
  const [mine, others] = [wordsOf(a.text.normalize('NFKC')), wordsOf(b.text.normalize('NFKC'))]
  if (mine.length !== others.length || mine.length === 0 || a.hash !== b.hash) return false
  const isSentence = mine.length >= sentenceWords
  return mine.every(
    (word, index) => word === others[index] || (isSentence && isNumeral(word) && isNumeral(others[index]!)),
  )
}

const sentenceWords = 5
const isNumeral = (word: string) => /^\p{N}+$/u.test(word)

/** Those of `members` that are not in `others`. */
export function missingIn(others: readonly string[], members: readonly string[]): string[] {
  const known = new Set(others)
  return members.filter((member) => !known.has(member))
}
