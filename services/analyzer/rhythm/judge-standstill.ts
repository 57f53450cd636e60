import type { Movement } from './measure-movement.ts'

/** With fewer moves a feed is not known well enough. */
const fewestMoves = 12
/** A repeated crawl looks the same as the first round of a standstill, and two may follow each other. */
const fewestRounds = 3
/** How unlikely so many rounds without a move must be, if they came by chance. */
const unlikely = 1e-6

/**
 * Whether all numbers of a feed stand still that used to move: for longer than chance explains, and for longer than they
 * ever did. A pause of more than four times the longest is enough, because pauses may be regular.
 */
export function isStandstill({ rounds, moves, longestPause, still }: Movement): boolean {
  if (moves < fewestMoves || still < fewestRounds) return false
  const restShare = (rounds - moves + 1) / (rounds + 2)
  const isUnlikely = restShare ** still <= unlikely && still > 2 * longestPause
  return isUnlikely || still >= 4 * longestPause + 6
}

/** Whether a number moves in most rounds of a feed, so that two rounds without any say something. */
export function isMover({ rounds, moves }: Movement): boolean {
  return moves >= fewestMoves && moves >= 0.5 * rounds
}
