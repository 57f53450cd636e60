import type { Grid } from './even-grid.ts'
import { catchUp, fromLogs, grow, type Path } from './path.ts'
import { fitSeasons, seasonNames } from './seasons.ts'
import { medianOf, orderOf, recentMean, recentQuantile, smooth } from './statistics.ts'

/** Growth is that of the newest changes only. */
const growthWindow = 52

const plainNames = [
  ...['last value', 'growth of a year', 'growth of half a year', 'growth of a quarter', 'half the growth of a year'],
  ...['mean growth', 'slow mean growth', 'quick mean growth', 'steady growth', 'growth and last move'],
  ...['level', 'slow level', 'quick level', 'very slow level', 'middle of nine'],
  ...['growing level', 'slow growing level', 'quick growing level', 'very slow growing level'],
  ...['damped trend', 'quick damped trend', 'growth in percent'],
]
/** Models with an index below this know no season. */
export const plainModels = plainNames.length
/** The names of all models, in the order in which `fitModels` returns them. */
export const modelNames: readonly string[] = [...plainNames, ...seasonNames]

/** The path of each model from the last value of a grid; null where the history is too short for it. */
export function fitModels(grid: Grid): (Path | null)[] {
  const { values } = grid
  const recent = values.slice(-growthWindow - 1)
  const last = values.at(-1)!
  return [...fitGrowth(recent, (last - values[0]!) / Math.max(values.length - 1, 1)), ...fitSeasons(grid)]
}

/** `steady`: the growth of all that is remembered. The order is that of `plainNames`. */
function fitGrowth(values: readonly number[], steady: number): (Path | null)[] {
  const changes = values.slice(1).map((value, index) => value - values[index]!)
  const order = orderOf(changes)
  const median = (halfLife: number) => recentQuantile(changes, 0.5, halfLife, order)
  const [year, half] = [median(26), median(13)]
  const distances = changes.map((change) => Math.abs(change - half))
  const reach = 2 * recentQuantile(distances, 0.5, 13)
  const mean = (halfLife: number) => recentMean(changes, half, reach, halfLife)
  const move = (changes.at(-1) ?? half) - half
  const last = values.at(-1)!
  const [level, slow, quick, verySlow] = [0.35, 0.15, 0.6, 0.06].map((share) => smooth(values, share) - last) as [
    ...[number, number, number, number],
  ]
  return [
    ...[0, year, half, median(6), year / 2, mean(8), mean(16), mean(4), steady].map((growth) => grow(0, growth)),
    (steps) => steps * half + 0.25 * (2 - 0.5 ** (steps - 1)) * move,
    ...[level, slow, quick, verySlow, medianOf(values.slice(-9)) - last].map((offset) => grow(offset, 0)),
    ...[catchUp(level, half, 0.35), catchUp(slow, half, 0.15), catchUp(quick, half, 0.6)],
    catchUp(verySlow, steady, 0.06),
    dampTrend(values, 0.5, 0.2, 0.9),
    dampTrend(values, 0.8, 0.3, 0.85),
    growInPercent(values),
  ]
}

/** Holt's linear trend, damped: each step ahead adds `damping` times what the step before added. */
function dampTrend(values: readonly number[], levelShare: number, trendShare: number, damping: number): Path {
  let [level, trend] = [values[0]!, 0]
  for (const value of values) {
    const surprise = value - level - damping * trend
    level += damping * trend + levelShare * surprise
    trend = damping * trend + levelShare * trendShare * surprise
  }
  const start = level - values.at(-1)!
  return (steps) => start + (trend * damping * (1 - damping ** steps)) / (1 - damping)
}

function growInPercent(values: readonly number[]): Path | null {
  if (values.length < 3 || values.some((value) => value <= 0)) return null
  const logs = values.map(Math.log)
  const changes = logs.slice(1).map((log, index) => log - logs[index]!)
  return fromLogs(grow(0, recentQuantile(changes, 0.5, 13)), values.at(-1)!)
}
