import { methods } from '../values/aggregate.ts'

/** With fewer steps behind it a series has no habits yet. */
const leastSteps = 4

/**
 * Whether a number moved no further than its series is wont to: less than `steps` times its median step; or, of a count
 * (`int`), less than twice the square root, which is what counts of things that happen by themselves differ by.
 * `recent`: the numbers before it, the oldest first, at least one.
 */
export function isUsual(recent: readonly number[], now: number, type: string, steps: number): boolean {
  const last = recent.at(-1)!
  const moved = Math.abs(now - last)
  if (type === 'int' && moved < 2 * Math.sqrt(Math.max(Math.abs(last), Math.abs(now)))) return true
  const walked = recent.slice(1).map((number, index) => Math.abs(number - recent[index]!))
  return walked.length >= leastSteps && moved < steps * methods.median(walked)
}
