import { recentQuantile, smooth } from './statistics.ts'

/**
 * What lies outside of a band at each side, of the forecasts that came before. Follows how often it was too narrow. Less
 * than a tenth, because errors to come differ more than those known.
 */
export const firstTail = 0.095
const [leastTail, mostTail] = [0.01, 0.2]
const correction = 0.005
/** With fewer errors there is no band. */
const fewest = 4
/** Half the weight of the errors lies on so many of the newest. */
const halfLife = 26

/**
 * Where 8 of 10 values will be, from the forecast. `errors`: how far earlier ones over as many `steps` were off, the
 * newest last. Null while they are few.
 */
export function findBand(errors: readonly number[], tail: number, steps: number): { low: number; high: number } | null {
  if (errors.length < fewest) return null
  // Few errors show less than what can happen, and those over several steps share most of what they miss.
  const part = tail * Math.max(0, 1 - Math.sqrt(steps) / errors.length)
  const [low, high] = [recentQuantile(errors, part, halfLife), recentQuantile(errors, 1 - part, halfLife)]
  return { low: Math.min(low, 0), high: Math.max(high, 0) }
}

/** The tail for the next band: smaller after a value outside of this one, a little larger after one within. */
export function adaptTail(tail: number, isOutside: boolean): number {
  return Math.min(Math.max(tail + correction * (2 * firstTail - Number(isOutside)), leastTail), mostTail)
}

/**
 * What errors are measured in. Those of a series that stays above zero grow with its level, though less than it; those
 * of others are taken as they are.
 */
export function errorUnit(values: readonly number[]): number {
  const recent = values.slice(-26)
  return recent.every((value) => value > 0) ? smooth(recent, 0.2) ** 0.75 : 1
}
