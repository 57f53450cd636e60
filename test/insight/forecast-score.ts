import type { Follow } from './plain-forecasts.ts'
import type { Series } from './series.ts'

/** Means over series. `error`: MASE. `interval`: the interval score of bands of 80 %, in the same unit. `held`: 0 to 1. */
export type ForecastScore = { error: number; interval: number; held: number; series: number }

/** Before this position a forecast is not counted: half a year of weeks. */
const from = 26
/** What a value outside of a band costs, in times of its distance: 2 / (1 - 0.8). */
const cost = 10

/** Errors and bands are divided by the mean change of their series. A series that never changes is left out. */
export function scoreForecasts(list: readonly Series[], follow: Follow, steps: number): ForecastScore {
  const sum: ForecastScore = { error: 0, interval: 0, held: 0, series: 0 }
  for (const { times, values } of list) {
    const scale = meanChange(values)
    if (scale === 0) continue
    const outlooks = follow(times, values, steps)
    let [error, interval, held, count] = [0, 0, 0, 0]
    for (let at = from + steps - 1; at < values.length; at++) {
      const { value, low, high } = outlooks[at]!
      const outside = Math.max(low - values[at]!, values[at]! - high, 0)
      error += Math.abs(value - values[at]!)
      interval += high - low + cost * outside
      held += outside === 0 ? 1 : 0
      count++
    }
    sum.error += error / count / scale
    sum.interval += interval / count / scale
    sum.held += held / count
    sum.series++
  }
  const { error, interval, held, series } = sum
  return { error: error / series, interval: interval / series, held: held / series, series }
}

function meanChange(values: readonly number[]): number {
  let sum = 0
  for (let i = 1; i < values.length; i++) sum += Math.abs(values[i]! - values[i - 1]!)
  return sum / Math.max(values.length - 1, 1)
}
