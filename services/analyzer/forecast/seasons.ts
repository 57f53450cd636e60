import type { Grid } from './even-grid.ts'
import { catchUp, fromLogs, type Path } from './path.ts'
import { medianOf, smooth } from './statistics.ts'

const hour = 60 * 60 * 1000
const day = 24 * hour
const between = (shortest: number, longest: number) => (step: number) => step >= shortest && step <= longest

/** The seasons that are tried, in steps, and for which steps of time. */
const seasons: readonly { period: number; fits: (step: number) => boolean }[] = [
  { period: 12, fits: () => true },
  { period: 52, fits: () => true },
  { period: 7, fits: between(0.9 * day, 1.1 * day) },
  { period: 24, fits: between(0.9 * hour, 1.1 * hour) },
  { period: 4, fits: between(80 * day, 100 * day) },
]

export const seasonNames: readonly string[] = seasons.flatMap(({ period }) => [
  ...[`season of ${period}`, `season of ${period} in percent`],
  ...[`mean season of ${period}`, `mean season of ${period} in percent`],
])

/** The order is that of `seasonNames`. A mean season needs two seasons of history, the others little more than one. */
export function fitSeasons({ values, step }: Grid): (Path | null)[] {
  const last = values.at(-1)!
  const logs = values.every((value) => value > 0) ? values.map(Math.log) : null
  return seasons.flatMap(({ period, fits }) => {
    const enough = fits(step) ? Math.floor(values.length / (period + 3)) : 0
    const isTwice = enough > 0 && values.length >= 2 * period
    return [
      enough > 0 ? repeatSeason(values, period) : null,
      enough > 0 && logs ? fromLogs(repeatSeason(logs, period), last) : null,
      isTwice ? addMeanSeason(values, period) : null,
      isTwice && logs ? fromLogs(addMeanSeason(logs, period), last) : null,
    ]
  })
}

/** The value of a season ago, and how far the series has moved since then, smoothed. */
function repeatSeason(values: readonly number[], period: number): Path {
  const moved = values.slice(period).map((value, index) => value - values[index]!)
  const since = smooth(moved, 0.4) - values.at(-1)!
  return (steps) => values[values.length - period + ((steps - 1) % period)]! + since
}

const levelShare = 0.35

/** Level and growth without the season, and the mean of all seasons. */
function addMeanSeason(values: readonly number[], period: number): Path {
  const season = meanSeason(values, period)
  const plain = values.map((value, index) => value - season[index % period]!).slice(-60)
  const newest = plain.slice(-27)
  const growth = medianOf(newest.slice(1).map((value, index) => value - newest[index]!))
  const level = catchUp(smooth(plain, levelShare) - values.at(-1)!, growth, levelShare)
  return (steps) => level(steps) + season[(values.length - 1 + steps) % period]!
}

/** By position in the season: the mean distance from the moving mean of one season. Its own mean is 0. */
function meanSeason(values: readonly number[], period: number): number[] {
  const sums = new Array<number>(period).fill(0)
  const counts = new Array<number>(period).fill(0)
  const half = Math.floor(period / 2)
  let sum = 0
  for (let index = 0; index < 2 * half; index++) sum += values[index]!
  for (let index = half; index + half < values.length; index++) {
    const [first, end] = [values[index - half]!, values[index + half]!]
    sum += end
    // Of an even period the first and the last position are the same one, and count half each.
    const mean = (period % 2 === 0 ? sum - first / 2 - end / 2 : sum) / period
    sums[index % period]! += values[index]! - mean
    counts[index % period]!++
    sum -= first
  }
  const means = sums.map((total, place) => (counts[place]! > 0 ? total / counts[place]! : 0))
  const middle = means.reduce((total, value) => total + value, 0) / period
  return means.map((value) => value - middle)
}
