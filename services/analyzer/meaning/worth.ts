import { isDefault } from '../detect/defaults.ts'
import { leastWorth, oddsOf, worthOf } from '../detect/is-slight.ts'
import type { Found } from '../judge/judge-payload.ts'
import { numberOf } from '../values/value.ts'
import { type Evidence, isName } from './evidence.ts'
import { type Parts, shareOf, shareOfWords } from './importance.ts'

/** Below this product of odds, size and polarity an unusual number is not told. */
const leastOdds = 0.05
/** Without odds, what says little of a company must be large to be told. */
const lightWeight = 0.6
const leastImportance = 0.36
/** A number that becomes nothing, or comes from nothing, is told from this size on. */
const leastOfAll = 10
/** A sentence of so many words that differs by a smaller share of them was only polished. */
const longText = 8
const leastOfText = 0.2

/**
 * Whether people who did not ask for a news item should hear of it. What a person's rule found is always told. Rarity does
 * not count, because it depends on what other companies did, which a backtest does not know.
 */
export function isWorthTelling(found: Found, { change, meaning }: Evidence, { size, polarity }: Parts): boolean {
  if ('items' in found || change === null || change.isTurn) return true
  const { rule, signal } = found.firing
  if (rule !== null && !isDefault(rule)) return true
  const [a, b] = [numberOf(change.before) ?? 0, numberOf(change.now) ?? 0]
  if (signal) {
    const isLarge = oddsOf(signal) * size * polarity >= leastOdds
    return isLarge && worthOf(signal, shareOf(a, b)) * polarity >= leastWorth
  }
  const isAllOrNothing = Math.min(Math.abs(a), Math.abs(b)) === 0 && Math.max(Math.abs(a), Math.abs(b)) >= leastOfAll
  if (isAllOrNothing) return true
  // Without a history to judge it by, a number of the company itself says more than one of many items.
  if (change.now.kind === 'number' && found.value.item_key === null) return true
  if (meaning.weight < lightWeight && size * polarity < leastImportance) return false
  return !isPolished(change)
}

function isPolished({ before, now }: NonNullable<Evidence['change']>): boolean {
  if (before.kind !== 'text' || now.kind !== 'text' || (isName(before) && isName(now))) return false
  const { share, words } = shareOfWords(before, now)
  return words >= longText && share < leastOfText
}
