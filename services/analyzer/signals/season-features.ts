import { squash } from './order.ts'
import type { SignalState } from './state.ts'

const day = 86_400_000
/** After these times a series may repeat its shape. */
const lags = [365.25 * day, 91.3125 * day, 7 * day, day]
const plainWays = 3

/** The ways to expect a value: by growth, the last value, the recent level; by lag the move of then, the ratio to then. */
const ways = plainWays + lags.length * 2

export const seasonNames = [
  'away from best expectation',
  'best expectation',
  'away from best season',
  'season against plain',
  'away by growth',
  'away from last year',
] as const

/**
 * Features of how far a value is from what each way expects (named in `seasonNames`). Returns the way of the season, if
 * the series clearly has one, else -1.
 */
export function addSeasonFeatures(
  errors: readonly number[],
  distances: readonly number[],
  sign: number,
  floor: number,
  features: number[],
): number {
  let best = -1
  let season = -1
  let plain = -1
  for (let way = 0; way < ways; way++) {
    const error = errors[way] ?? 0
    if (error === 0 || !Number.isFinite(distances[way])) continue
    if (best < 0 || error < errors[best]!) best = way
    if (way < plainWays && (plain < 0 || error < errors[plain]!)) plain = way
    if (way >= plainWays && (season < 0 || error < errors[season]!)) season = way
  }
  const away = (way: number) => (way < 0 ? 0 : squash((distances[way]! * sign) / (errors[way]! + floor)))
  const year = !Number.isFinite(distances[plainWays]) || !errors[plainWays] ? -1 : plainWays
  features.push(
    away(best),
    best < 0 ? -1 : Math.min(best, plainWays),
    away(season),
    season < 0 || plain < 0 ? 0 : Math.log((errors[season]! + floor) / (errors[plain]! + floor)),
    away(errors[0] ? 0 : -1),
    away(year),
  )
  return season >= 0 && plain >= 0 && errors[season]! < 0.6 * errors[plain]! ? season : -1
}

/** Value minus what each way expects. NaN where the history does not reach so far. */
export function measureDistances(
  { times, values }: SignalState,
  time: number,
  value: number,
  step: number,
  expected: number,
  level: number,
): number[] {
  const count = times.length
  const last = values[count - 1]!
  const distances = [value - expected, value - last, value - level]
  for (const lag of lags) {
    const now = lag < 1.7 * step ? -1 : findNear(times, time - lag, step)
    const before = now < 0 ? -1 : findNear(times, times[count - 1]! - lag, step)
    if (now < 0 || before < 0 || now === before) {
      distances.push(NaN, NaN)
      continue
    }
    // Ratios where all values are above zero, else differences.
    const byRatio = values[now]! > 0 && values[before]! > 0 && last > 0
    distances.push(value - (byRatio ? (last * values[now]!) / values[before]! : last + values[now]! - values[before]!))
    let sum = 0
    let found = 0
    for (let back = 0; back < 6 && before - back >= 0 && count - 1 - back >= 0; back++) {
      const then = values[before - back]!
      const since = values[count - 1 - back]!
      if (byRatio && then <= 0) continue
      sum += byRatio ? since / then : since - then
      found++
    }
    distances.push(value - (byRatio ? (values[now]! * sum) / found : values[now]! + sum / found))
  }
  return distances
}

/** Index of the point nearest to a time, within 0.6 steps. -1 if there is none. */
function findNear(times: readonly number[], time: number, step: number): number {
  let low = 0
  let high = times.length - 1
  if (high < 0 || time < times[0]! - 0.6 * step) return -1
  while (low < high) {
    const middle = (low + high) >> 1
    if (times[middle]! < time) low = middle + 1
    else high = middle
  }
  if (low > 0 && time - times[low - 1]! <= times[low]! - time) low--
  return Math.abs(times[low]! - time) <= 0.6 * step ? low : -1
}
