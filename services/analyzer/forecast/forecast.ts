import { adaptTail, errorUnit, findBand, firstTail } from './band.ts'
import { addMiss, choose, noPast, type Past } from './choose.ts'
import { toGrid } from './even-grid.ts'
import { fitModels, modelNames } from './models.ts'
import type { Path } from './path.ts'
import { shorten } from './statistics.ts'

/**
 * What a series will be `steps` values from now, and between which numbers it will be in 8 of 10 cases. `error`: how far
 * such forecasts of this series were off on average. `model`: the one that did best so far. `time`: when that value is
 * expected, ms since 1970. Null: not known yet.
 */
export type Forecast = {
  steps: number
  time: number | null
  value: number
  low: number | null
  high: number | null
  error: number | null
  model: string
}

/** All that is remembered of a series: less than 8 KB of JSON with two horizons. Times in ms since 1970. */
export type ForecastState = {
  version: typeof version
  times: number[]
  /** In `unit`, so that sums of very large numbers stay finite. */
  values: number[]
  unit: number
  /** A number below zero, or one with a fraction, has been seen. */
  negative: boolean
  fractional: boolean
  horizons: Horizon[]
}

/** `errors`: of our own forecasts, in their `size`. `own`: their mean distance from what came. */
type Horizon = { steps: number; made: Made[]; pasts: Past[]; errors: number[]; tail: number; own: Past }

/** A forecast whose time has not come. `offsets` of the models and `plain`: from the last value then. */
type Made = { from: Now; offsets: (number | null)[]; plain: number; value: number; band: Band | null; best: number }

type Band = { low: number; high: number }

/** `step`: the usual time between values. `size`: what errors are measured in. */
type Now = { at: number; step: number; last: number; size: number }

/** Another version of the state is started again. */
const version = 1
/** Two seasons of 52, and a little more. */
const keptValues = 108
const keptErrors = 44
const large = 1e150
/** When so many times the expected time has passed, crawls are missing. */
const late = 1.6

/** `horizons`: for how many values ahead. */
export function startForecasts(horizons: readonly number[]): ForecastState {
  const start = { made: [], pasts: modelNames.map(() => noPast), errors: [], tail: firstTail, own: noPast }
  return {
    ...{ version, times: [], values: [], unit: 1, negative: false, fractional: false },
    horizons: horizons.map((steps) => ({ steps, ...start })),
  }
}

/** The newest forecasts, one for each horizon; none before the first value. */
export function readForecasts({ horizons, unit }: ForecastState): Forecast[] {
  return horizons.flatMap(({ steps, made, own }) =>
    made.slice(-1).map(({ from, value, band, best }) => ({
      ...{
        steps,
        time: from.step > 0 ? from.at + steps * from.step : null,
        value: bound(value * unit),
        low: band && bound(band.low * unit),
        high: band && bound(band.high * unit),
      },
      error: own[1] > 0 ? bound(own[0] * unit) : null,
      model: modelNames[best]!,
    })),
  )
}

/**
 * The state after one more value, a finite number, with new forecasts. Only values up to this one are used, and the same
 * values give the same state. A `time` before the last one counts as the last one.
 */
export function learnValue(state: ForecastState, time: number, number: number): ForecastState {
  const before = Math.abs(number) > large ? measureLarge(state) : state
  const at = Math.max(time, before.times.at(-1) ?? time)
  const next: ForecastState = {
    ...before,
    times: [...before.times.slice(1 - keptValues), at],
    values: [...before.values.slice(1 - keptValues), shorten(number / before.unit, 12)],
    negative: before.negative || number < 0,
    fractional: before.fractional || !Number.isInteger(number),
  }
  const { values, step } = toGrid(next.times, next.values)
  const now = { at, step: Math.round(step), last: values.at(-1)!, size: shorten(errorUnit(values), 4) }
  const paths = fitModels({ values, step })
  const horizons = before.horizons.map((horizon) => lookAhead(judgeDue(horizon, now), paths, now, next))
  return { ...next, horizons }
}

/** Compares the forecast for now with what came. */
function judgeDue(horizon: Horizon, { at, last }: Now): Horizon {
  const due = horizon.made[0]
  if (!due || horizon.made.length < horizon.steps) return horizon
  const { from, offsets, plain, value, band } = due
  // After a hole more has changed than was asked for: that says nothing about the models.
  const isLate = from.step > 0 && at - from.at > late * from.step * horizon.steps
  const moved = last - from.last
  const missedBy = Math.abs(last - value)
  const pasts = horizon.pasts.map((past, index) => {
    const offset = offsets[index] ?? null
    return offset === null || isLate ? past : addMiss(past, Math.abs(moved - offset), Math.abs(moved - plain))
  })
  return {
    steps: horizon.steps,
    made: horizon.made.slice(1),
    pasts,
    errors: [...horizon.errors.slice(1 - keptErrors), shorten((last - value) / from.size, 4)],
    tail: band ? adaptTail(horizon.tail, last < band.low || last > band.high) : horizon.tail,
    own: addMiss(horizon.own, missedBy, missedBy),
  }
}

function lookAhead(horizon: Horizon, paths: readonly (Path | null)[], now: Now, kind: ForecastState): Horizon {
  const { steps, pasts, errors, tail } = horizon
  const offsets = paths.map((path) => path && shorten(path(steps), 5))
  const { value: offset, plain, best } = choose(offsets, pasts, steps)
  const value = fit(now.last + offset, kind)
  const reach = findBand(errors, tail, steps)
  const band = reach && {
    low: fit(value + reach.low * now.size, kind),
    high: fit(value + reach.high * now.size, kind),
  }
  return { ...horizon, made: [...horizon.made, { from: now, offsets, plain: shorten(plain, 6), value, band, best }] }
}

/** A count is whole and never negative. */
function fit(value: number, { negative, fractional }: ForecastState): number {
  const bounded = negative ? value : Math.max(value, 0)
  return fractional ? shorten(bounded, 10) : Math.round(bounded)
}

function bound(value: number): number {
  return Math.min(Math.max(value, -Number.MAX_VALUE), Number.MAX_VALUE)
}

function measureLarge(state: ForecastState): ForecastState {
  if (state.unit !== 1) return state
  const values = state.values.map((value) => shorten(value / large, 12))
  const { times, negative, horizons } = state
  return {
    ...startForecasts(horizons.map(({ steps }) => steps)),
    times,
    values,
    unit: large,
    negative,
    fractional: true,
  }
}
