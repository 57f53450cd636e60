import type { Forecast, Shade } from '#runtime/chart/read-series.ts'
import type { Disturbance } from './read-disturbances.ts'
import type { SeriesForecast } from './read-forecasts.ts'

/**
 * The times that a picture of a series shades. A suspect payload is shaded up to the next value, what goes on up to
 * `now`. `times`: those of the values, in order.
 */
export function shade(disturbances: readonly Omit<Disturbance, 'sourceId'>[], times: readonly number[], now: number) {
  return disturbances.map(({ kind, from, to }): Shade => {
    if (kind !== 'suspect') return { kind, from, to: Math.max(from, to ?? now) }
    return { kind, from, to: times.find((time) => time > from) ?? from }
  })
}

/** A forecast as pictures have it; none without a band. */
export function bandOf({ for_time: at, value, low, high }: SeriesForecast): Forecast[] {
  return low === null || high === null ? [] : [{ at, value, low: Math.min(low, high), high: Math.max(low, high) }]
}
