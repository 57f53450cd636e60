import { createHash, randomBytes } from 'node:crypto'

/** By what a text is known that nobody keeps. */
export type Mark = { length: number; salt: string; hash: string; quick: number }

/** The mark of a text that is about to be erased. */
export function markOf(text: string, salt: string = randomBytes(16).toString('hex')): Mark {
  return { length: text.length, salt, hash: hashOf(salt, text), quick: sumOf(text) }
}

/** What stands in place of an erased text: the same each time, so that a list item that had it keeps one key. */
export function replacementOf({ hash }: Pick<Mark, 'hash'>): string {
  return `[erased ${hash.slice(0, 8)}]`
}

/** `text` without what `mark` is of; the same string where it is not in it. */
export function takeOut(text: string, mark: Mark): string {
  const { length } = mark
  if (text.length < length) return text
  let kept = ''
  let from = 0
  let sum = sumOf(text.slice(0, length))
  for (let at = 0; at + length <= text.length;) {
    if (sum === mark.quick && hashOf(mark.salt, text.slice(at, at + length)) === mark.hash) {
      kept += text.slice(from, at) + replacementOf(mark)
      at = from = at + length
      sum = sumOf(text.slice(at, at + length))
      continue
    }
    sum += text.charCodeAt(at + length) - text.charCodeAt(at)
    at += 1
  }
  return from === 0 ? text : kept + text.slice(from)
}

function sumOf(text: string): number {
  let sum = 0
  for (let at = 0; at < text.length; at += 1) sum += text.charCodeAt(at)
  return sum
}

function hashOf(salt: string, text: string): string {
  return createHash('sha256')
    .update(salt + text)
    .digest('hex')
}
