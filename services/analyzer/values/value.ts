import { createHash } from 'node:crypto'
import type { ObservedValue } from '#schemas/generated/types.ts'
import { readingOf, visibleOf } from './reading.ts'

/** A value as it is compared and stored. */
export type Value =
  | { kind: 'number'; number: number }
  | { kind: 'bool'; bool: boolean }
  /** If `text` is only the beginning: hashes of the whole text and of its reading. Old stored states lack the latter. */
  | { kind: 'text'; text: string; hash?: string; reading?: string }
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
  const beginning = text.slice(0, maxText).toWellFormed()
  return { kind: 'text', text: beginning, hash: hashOf(text), reading: hashOf(readingOf(text)) }
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/** The number that rules work with; null for other values. */
export function numberOf(value: Value): number | null {
  if (value.kind === 'number') return value.number
  return value.kind === 'bool' ? Number(value.bool) : null
}

/** Whether two values look the same. Values of different kinds never do. The order in a set does not count. */
export function isSame(a: Value, b: Value): boolean {
  return areEqual(a, b, visibleOf)
}

/**
 * Whether two values say the same: the one comparison of texts, of members of a set and of numbers within a sentence
 * (readingOf).
 */
export function readsTheSame(a: Value, b: Value): boolean {
  return areEqual(a, b, readingOf)
}

function areEqual(a: Value, b: Value, of: (text: string) => string): boolean {
  if (a.kind === 'set' && b.kind === 'set')
    return missingIn(a.members, b.members, of).length + missingIn(b.members, a.members, of).length === 0
  if (a.kind === 'text' && b.kind === 'text') return areEqualTexts(a, b, of)
  if (a.kind === 'date' && b.kind === 'date') return a.date === b.date
  return a.kind === b.kind && numberOf(a) === numberOf(b)
}

type Text = Extract<Value, { kind: 'text' }>

function areEqualTexts(a: Text, b: Text, of: (text: string) => string): boolean {
  if (a.text === b.text && a.hash === b.hash) return true
  if (a.hash === undefined && b.hash === undefined) return of(a.text) === of(b.text)
  const reading = of === readingOf ? readingHash(a) : null
  return reading !== null && reading === readingHash(b)
}

/** Null if only the beginning of the text is known. */
function readingHash({ text, hash, reading }: Text): string | null {
  return reading ?? (hash === undefined ? hashOf(readingOf(text)) : null)
}

/**
 * Whether a text became a list that has it, or a list became a text that it had: the module sends the same in another form.
 * A list without members says nothing about the text.
 */
export function isReshaped(a: Value, b: Value): boolean {
  if (a.kind === 'set' && b.kind === 'text') return isReshaped(b, a)
  if (a.kind !== 'text' || b.kind !== 'set') return false
  return b.members.length === 0 || b.members.some((member) => readsTheSame(a, readText(member)))
}

/** Identifies what a value says: the same for values that read the same. */
export function identify(value: Value): unknown {
  switch (value.kind) {
    case 'text':
      return readingHash(value) ?? value.hash
    case 'set':
      return [...new Set(value.members.map(readingOf))].sort()
    case 'date':
      return value.date
    default:
      return numberOf(value)
  }
}

/** The words of a text in lower case, without punctuation and blanks. */
export function wordsOf(text: string): string[] {
  return (
    visibleOf(text)
      .toLowerCase()
      .match(/[\p{L}\p{M}\p{N}]+/gu) ?? []
  )
}

/** Those of `members` that are not in `others`. */
export function missingIn(
  others: readonly string[],
  members: readonly string[],
  of: (member: string) => string = readingOf,
): string[] {
  const literal = new Set(others)
  const missing = members.filter((member) => !literal.has(member))
  if (missing.length === 0) return missing
  const known = new Set(others.map(of))
  return missing.filter((member) => !known.has(of(member)))
}
