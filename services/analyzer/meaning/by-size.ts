import { numberOf } from '../values/value.ts'
import type { Weigh } from './importance.ts'

/**
 * A model of one's own, as an example: the change in percent decides, and nothing else. What is no number is in the
 * middle.
 */
export const weighBySize: Weigh = ({ change }) => {
  const isNumber = change !== null && numberOf(change.before) !== null && numberOf(change.now) !== null
  const size = isNumber ? Math.min(1, Math.abs(change.percent ?? 100) / 100) : 0.5
  return { score: 1, size, polarity: 1, rarity: 1 }
}
