import { methods } from '../values/aggregate.ts'

/** With fewer steps a series has no usual step yet. */
const leastSteps = 4

/**
 * Whether a move is normal for its series: less than `steps` times the median step or, for a count (`int`), less than
 * twice its square root, which is how much counts of independent events vary. `recent`: the numbers before, the oldest
 * first, at least one.
 */
export function isUsual(recent: readonly number[], now: number, type: string, steps: number): boolean {
  const last = recent.at(-1)!
  const moved = Math.abs(now - last)
  if (type === 'int' && moved < 2 * Math.sqrt(Math.max(Math.abs(last), Math.abs(now)))) return true
  const walked = recent.slice(1).map((number, index) => Math.abs(number - recent[index]!))
  return walked.length >= leastSteps && moved < steps * methods.median(walked)
}
