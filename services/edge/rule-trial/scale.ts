import { extent, pairs } from 'd3-array'
import type { Condition } from './query.ts'

/** Where a slider begins and ends, its steps, and the value at which it stands unless somebody has moved it. */
export type Scale = { min: number; max: number; step: number | 'any'; usual: number }

/** How many steps a slider has, about. */
const steps = 100
/** Of detectors, in percent: they tell from 26 on unless somebody has set another sensitivity. */
const certainty: Scale = { min: 0, max: 100, step: 1, usual: 26 }
/** Where a slider for changes stands: a few of the largest ones are told. */
const usualShare = 0.2

/**
 * The slider for the threshold of a rule about a series with these values, in order. It reaches as far as the values do, and
 * always to `asked`.
 */
export function scaleOf(condition: Condition, values: readonly number[], isWhole: boolean, asked?: number): Scale {
  const scale =
    condition === 'unusual'
      ? certainty
      : condition === 'percent' || condition === 'absolute'
        ? scaleOfChanges(changesOf(condition, values), isWhole && condition === 'absolute')
        : scaleOfLevels(condition, values, isWhole)
  if (asked === undefined) return scale
  const { min, max, step } = scale
  const isOnStep = step !== 'any' && Math.abs((asked - min) / step - Math.round((asked - min) / step)) < 1e-6
  return { ...scale, min: Math.min(min, asked), max: Math.max(max, asked), step: isOnStep ? step : 'any' }
}

function changesOf(condition: 'percent' | 'absolute', values: readonly number[]): number[] {
  const moves = pairs(values).map(([a, b]) => Math.abs(condition === 'percent' ? ((b - a) / Math.abs(a)) * 100 : b - a))
  return moves.filter((move) => Number.isFinite(move) && move > 0)
}

function scaleOfChanges(changes: readonly number[], isWhole: boolean): Scale {
  const largest = within(changes.reduce((most, one) => Math.max(most, one), 0) || steps)
  const max = Math.max(roundUp(largest), isWhole ? 10 : 0)
  const step = isWhole ? Math.max(1, tidy(max / steps)) : tidy(max / steps)
  return { min: step, max, step, usual: Math.max(step, tidy(Math.round((usualShare * max) / step) * step)) }
}

function scaleOfLevels(condition: 'above' | 'below', values: readonly number[], isWhole: boolean): Scale {
  const [least = 0, largest = 0] = extent(values)
  const [low, high] = [clamp(least), clamp(largest)]
  const span = within(high > low ? high - low : Math.abs(high) || steps)
  // Of large numbers that differ little, smaller steps would be none.
  const step = Math.max(roundUp(Math.max(span / steps, Math.abs(high) * 1e-10)), isWhole ? 1 : 0)
  const [from, to] = high > low ? [low, high] : [low - span / 2, high + span / 2]
  const at = (value: number, round: (value: number) => number) => tidy(round(value / step) * step)
  const [min, max] = [at(from, Math.floor), at(to, Math.ceil)]
  const usual = at(from + (to - from) * (condition === 'above' ? 0.75 : 0.25), Math.round)
  return { min, max: max > min ? max : min + step, step, usual: Math.min(Math.max(usual, min), Math.max(max, min)) }
}

/** A threshold cannot be larger, and a difference that is smaller is none. */
const [most, least] = [1e18, 1e-12]
const within = (size: number) => Math.min(Math.max(size, least), most)
const clamp = (value: number) => Math.min(Math.max(value, -most), most)

/** The next of 1, 2, 5, 10, 20 … that is not smaller. */
function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value))
  return tidy(([1, 2, 5, 10].find((factor) => factor * power >= value * (1 - 1e-9)) ?? 10) * power)
}

/** Without what doubles add: 0.30000000000000004 is 0.3. */
function tidy(value: number): number {
  return Number(value.toPrecision(12))
}
