import { nameOf, visibleOf } from './reading.ts'
import { missingIn, type Value, wordsOf } from './value.ts'

/** Differences that a rule for changes ignores. */
export type Tolerance = {
  /** Words of texts, or members of lists, that do not count. Case does not matter. */
  ignore: readonly string[]
  /**
   * Texts that share at least this part of their words (Dice's coefficient, 0 to 1) count as equal; null: only equal
   * texts do.
   */
  similarity: number | null
}

/**
 * Whether two values differ only in what a rule tolerates. Words are compared as a multiset, so their order does not
 * count. Dice, "Measures of the amount of ecologic association between species", 1945.
 */
export function isAlike(a: Value, b: Value, { ignore, similarity }: Tolerance): boolean {
  if (ignore.length === 0 && similarity === null) return false
  const ignored = new Set(ignore.map(nameOf))
  const kept = (words: readonly string[]) => words.filter((word) => !ignored.has(nameOf(word)))
  if (a.kind === 'set' && b.kind === 'set') {
    const [mine, others] = [kept(a.members), kept(b.members)]
    return missingIn(mine, others, visibleOf).length + missingIn(others, mine, visibleOf).length === 0
  }
  if (a.kind !== 'text' || b.kind !== 'text') return false
  const [mine, others] = [kept(wordsOf(a.text)), kept(wordsOf(b.text))]
  const shared = countShared(mine, others)
  const all = mine.length + others.length
  return (2 * shared === all && a.hash === b.hash) || (similarity !== null && 2 * shared >= similarity * all)
}

function countShared(mine: readonly string[], others: readonly string[]): number {
  const left = new Map<string, number>()
  for (const word of others) left.set(word, (left.get(word) ?? 0) + 1)
  return mine.filter((word) => {
    const count = left.get(word) ?? 0
    left.set(word, count - 1)
    return count > 0
  }).length
}
