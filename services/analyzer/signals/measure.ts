import { growthNames, measureSurprise, type Surprise } from './growth-features.ts'
import { measureGrowth, type Growth } from './growth.ts'
import { addLevelFeatures, levelNames } from './level-features.ts'
import { addSeasonFeatures, measureDistances, seasonNames } from './season-features.ts'
import type { SignalState } from './state.ts'
import { addTrendFeatures, trendNames } from './trend-features.ts'

/** What is known of a point before it is judged, all from earlier points. */
export type Measured = Surprise & {
  growth: Growth
  /** Value minus what each way expects (see season-features.ts). */
  distances: number[]
  /** What the season expects, if the series clearly has one. */
  seasonal: number | null
  /** In the order of `featureNames`. */
  features: number[]
}

export const featureNames = [...growthNames, ...trendNames, ...levelNames, ...seasonNames]

/** Needs at least one point in the state. */
export function measurePoint(state: SignalState, time: number, value: number): Measured {
  const features: number[] = []
  const growth = measureGrowth(state, time, value)
  const scaleLevel = Math.abs(state.values.at(-1)!)
  const surprise = measureSurprise(state, growth, time, scaleLevel, features)
  addTrendFeatures(growth, surprise, scaleLevel, features)
  const level = addLevelFeatures(state, value, surprise, features)
  const expected = growth.from + surprise.slope * growth.span
  const distances = measureDistances(state, time, value, growth.step, expected, level)
  const season = addSeasonFeatures(state.errors, distances, surprise.sign, surprise.floor, features)
  const seasonal = season < 0 ? null : value - distances[season]!
  return { ...surprise, growth, distances, seasonal, features }
}
