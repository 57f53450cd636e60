import { median } from './order.ts'
import type { SignalState } from './state.ts'

/** A series' growth per step, and what its newest 52 changes are like. */
export type Growth = {
  /** The typical time between two points in ms. */
  step: number
  /** The newest rates, the oldest first, the steps that each spans, and the times at which they end. */
  rates: number[]
  spans: number[]
  times: number[]
  /** Those of the point that is judged. */
  rate: number
  span: number
  /** The value from which the point grew. */
  from: number
  /** Shares of changes that are zero, and that fall. */
  zeroShare: number
  fallShare: number
  /** Values in a row that equal the one before, with the point that is judged, and the longest such run before. */
  zeroRun: number
  longestRun: number
  isWhole: boolean
}

const window = 52
/** Above this share of zeros, an equal value is ordinary. */
const repeatShare = 0.15

/**
 * Growth is per time, so a hole in the series is no jump. Where values hardly ever repeat, an equal value is taken for
 * a repeated crawl: it is left out, and the next growth spans both.
 */
export function measureGrowth({ times, values }: SignalState, time: number, value: number): Growth {
  const count = times.length
  const start = Math.max(0, count - window - 1)
  const step = findStep(times, time)
  let zeros = 0
  let falls = 0
  let run = 0
  let longest = 0
  let longestBefore = 0
  let isWhole = Number.isInteger(value)
  for (let i = start + 1; i < count; i++) {
    const change = values[i]! - values[i - 1]!
    if (change === 0) {
      zeros++
      run++
    } else {
      if (run > longest) longest = run
      run = 0
    }
    if (change < 0) falls++
    if (isWhole && !Number.isInteger(values[i])) isWhole = false
  }
  longestBefore = longest
  const changes = Math.max(1, count - start - 1)
  const merges = zeros <= repeatShare * changes
  const rates: number[] = []
  const spans: number[] = []
  const ends: number[] = []
  let last = start
  for (let i = start + 1; i < count; i++) {
    if (merges && values[i] === values[last]) continue
    const span = Math.max(0.1, (times[i]! - times[last]!) / step)
    rates.push((values[i]! - values[last]!) / span)
    spans.push(span)
    ends.push(times[i]!)
    last = i
  }
  const isZero = value === values[count - 1]
  const from = isZero || !merges ? count - 1 : last
  const span = Math.max(0.1, (time - times[from]!) / step)
  return {
    step,
    rates,
    spans,
    times: ends,
    rate: (value - values[from]!) / span,
    span,
    from: values[from]!,
    zeroShare: zeros / changes,
    fallShare: falls / changes,
    zeroRun: isZero ? run + 1 : 0,
    longestRun: isZero ? longestBefore : Math.max(longestBefore, run),
    isWhole,
  }
}

/** The median of the last 16 intervals. */
function findStep(times: readonly number[], time: number): number {
  const count = times.length
  const intervals: number[] = []
  for (let i = Math.max(1, count - 16); i < count; i++) intervals.push(times[i]! - times[i - 1]!)
  return Math.max(1, intervals.length > 0 ? median(intervals) : time - times[count - 1]!)
}
