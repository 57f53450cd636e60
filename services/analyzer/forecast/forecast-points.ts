import { type Forecast, learnValue, readForecasts, startForecasts } from './forecast.ts'

/** How many values ahead forecasts look that are stored. */
const storedSteps: readonly number[] = [1, 4]

/** `madeAt`: time of the newest value. Those without a time are left out. */
export type Outlook = { madeAt: number; forecasts: (Forecast & { time: number })[] }

/**
 * The forecasts that follow from the points of a series, in order of time; of points at one time the last counts. Null with
 * fewer than two times, because then nobody knows when the next value comes.
 */
export function forecastPoints(times: readonly number[], values: readonly number[]): Outlook | null {
  let state = startForecasts(storedSteps)
  for (const [index, time] of times.entries()) {
    if (time === times[index + 1] || !Number.isFinite(values[index])) continue
    state = learnValue(state, time, values[index]!)
  }
  const forecasts = readForecasts(state).flatMap((one) => (one.time === null ? [] : [{ ...one, time: one.time }]))
  return forecasts.length > 0 ? { madeAt: state.times.at(-1)!, forecasts } : null
}
