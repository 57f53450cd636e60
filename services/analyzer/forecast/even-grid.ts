import { medianOf } from './statistics.ts'

/** `values`: one per step of time, the newest last, holes filled on a straight line. `step`: ms. */
export type Grid = { values: number[]; step: number }

const gapsForStep = 12
/** Enough for two seasons of 52 steps. */
const longest = 108

/**
 * A series on an even grid of time, as far back as seasons need. A hole (a missing crawl) is filled on a straight line;
 * of values that come within one step the newest counts. Values without time between them are a step each.
 */
export function toGrid(times: readonly number[], values: readonly number[]): Grid {
  const step = usualStep(times)
  let at = values.length - 1
  const backwards = [values[at]!]
  for (let index = at - 1; index >= 0 && backwards.length < longest; index--) {
    const steps = step > 0 ? Math.round((times[at]! - times[index]!) / step) : 1
    if (steps < 1) continue
    const [to, from] = [values[at]!, values[index]!]
    for (let part = 1; part < steps && backwards.length < longest - 1; part++)
      backwards.push(to + (from - to) * (part / steps))
    backwards.push(from)
    at = index
  }
  return { values: backwards.reverse(), step }
}

/** The mean of the recent gaps between two values that are alike. 0 with fewer than two times. */
function usualStep(times: readonly number[]): number {
  const recent = times.slice(-gapsForStep - 1)
  const gaps = recent.slice(1).map((time, index) => time - recent[index]!)
  const median = medianOf(gaps)
  const alike = gaps.filter((gap) => gap > median / 2 && gap < median * 1.5)
  return alike.length > 0 ? alike.reduce((sum, gap) => sum + gap / alike.length, 0) : median
}
