import type { Surprise } from './growth-features.ts'
import { clip, median, squash } from './order.ts'
import type { SignalState } from './state.ts'

export const levelNames = [
  'level',
  'beyond range of 26',
  'away from level of 8',
  'move in percent',
  'move / MAD of ratios',
  'undoes last move',
  'undoes last two moves',
  'size / largest move of two years',
  'share of moves half as large in two years',
  'nearest earlier value',
  'fast ratio / slow ratio',
  'size / largest move of two years, same side',
  'size / second largest move of two years',
  'share / largest share of two years',
  'points',
] as const

/** Where a value lies among those of before. Returns the level of the last 8. Named in `levelNames`. */
export function addLevelFeatures(
  { values }: SignalState,
  value: number,
  { sign, floor }: Surprise,
  features: number[],
) {
  const count = values.length
  const last = values[count - 1]!
  const move = value - last
  const size = Math.abs(move)
  const start8 = Math.max(0, count - 8)
  const level = median(values, start8)
  const away: number[] = []
  for (let i = start8; i < count; i++) away.push(Math.abs(values[i]! - level))
  let high = -Infinity
  let low = Infinity
  const isUp = move > 0
  let largest = 0
  let second = 0
  let sameSide = 0
  let largestShare = 0
  let half = 0
  let nearest = Infinity
  for (let i = count - 1; i >= 0; i--) {
    const one = values[i]!
    if (i >= count - 26) {
      if (one > high) high = one
      if (one < low) low = one
      if (i < count - 1 && Math.abs(value - one) < nearest) nearest = Math.abs(value - one)
    }
    if (i === 0) break
    const base = values[i - 1]!
    const earlier = Math.abs(one - base)
    if (earlier > largest) {
      second = largest
      largest = earlier
    } else if (earlier > second) second = earlier
    if (earlier > sameSide && one > base === isUp) sameSide = earlier
    const share = earlier / (Math.abs(base) + 1)
    if (share > largestShare) largestShare = share
    if (earlier >= size / 2) half++
  }
  const range = high - low + floor
  const outside = value > high ? value - high : value < low ? value - low : 0
  const lastMove = last - (values[count - 2] ?? last)
  const ratios = measureRatios(values, value)
  features.push(
    Math.log10(Math.abs(last) + 1),
    squash((10 * outside) / range) * sign,
    squash(((value - level) * sign) / (1.4826 * median(away) + floor)),
    squash(100 * ratios.ratio * sign),
    ratios.spread > 0 ? squash(((ratios.ratio - ratios.middle) * sign) / ratios.spread) : 0,
    lastMove === 0 ? 0 : clip(move / lastMove, 3),
    clip((value - (values[count - 3] ?? last)) / (Math.abs(lastMove) + floor), 3),
    squash(size / (largest + floor)),
    half / Math.max(1, count - 1),
    Math.min(2, nearest / (size + floor)),
    clip(Math.log((size + floor) / (Math.abs(lastMove) + floor)), 6),
    squash(size / (sameSide + floor)),
    squash(size / (second + floor)),
    clip(Math.log((size / (Math.abs(last) + 1) + 1e-5) / (largestShare + 1e-5)), 6),
    count,
  )
  return level
}

/** Moves as ratios, of the last 26. Spread 0 where values are not all above zero. */
function measureRatios(values: readonly number[], value: number) {
  const count = values.length
  const last = values[count - 1]!
  const ratios: number[] = []
  for (let i = Math.max(1, count - 26); i < count; i++) {
    if (values[i]! <= 0 || values[i - 1]! <= 0) return { ratio: 0, middle: 0, spread: 0 }
    ratios.push(Math.log(values[i]! / values[i - 1]!))
  }
  const ratio = value > 0 && last > 0 ? Math.log(value / last) : -5
  const middle = median(ratios)
  for (let i = 0; i < ratios.length; i++) ratios[i] = Math.abs(ratios[i]! - middle)
  return { ratio, middle, spread: 1.4826 * median(ratios) + 1e-6 }
}
