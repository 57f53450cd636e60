import type { SignalState } from '../signals/state.ts'

/** Below these shares of its value a move of a counter, or of a level that goes up and down, is nothing to hear of. */
const leastOfCounter = 0.006
const leastOfLevel = 0.05
/** A series of which more changes than this are falls is a level. */
const fallsOfLevel = 0.1
/** A count that moves by less is nothing to hear of. */
const leastOfCount = 3

/** Growth that lasts or ends matters at any size; of a single move the size counts. */
const moves = new Set(['spike', 'drop', 'level shift', 'fall'])

/**
 * Whether a point that is unusual for its series is too small to be news. `signal`: the state after it, with its value.
 * `isCount`: its values are whole numbers.
 */
export function isSlight(kind: string, { values }: SignalState, isCount: boolean): boolean {
  const [last, now] = [values.at(-2), values.at(-1)]
  if (last === undefined || now === undefined || !moves.has(kind)) return false
  const moved = Math.abs(now - last)
  if (moved === 0 || (isCount && moved < leastOfCount)) return true
  let falls = 0
  for (let i = 1; i < values.length; i++) if (values[i]! < values[i - 1]!) falls++
  const least = falls > fallsOfLevel * values.length ? leastOfLevel : leastOfCounter
  return moved < least * Math.abs(last)
}
