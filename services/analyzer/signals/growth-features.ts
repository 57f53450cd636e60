import type { Growth } from './growth.ts'
import { clip, median, squash } from './order.ts'
import { maxMoves, maxPoints, type SignalState } from './state.ts'

/** How far a point's growth is from what was expected, and on which scale. Per step, for the span of the point. */
export type Surprise = {
  /** Median growth of the last 12, 5 and 26. */
  slope: number
  slope5: number
  slope26: number
  deviation: number
  /** Of which side the deviation is: 1 or -1. */
  sign: 1 | -1
  /** Deviations that are nothing for this series. */
  floor: number
  /** Ordinary deviations and outbursts together. */
  scale: number
  /** Deviation in scales. */
  surprise: number
  /** How the point stands out: against the largest of 26, against its level, and how many of 52 were half as large. */
  move: number[]
}

export const growthNames = [
  'surprise',
  'size / MAD 26',
  'size / MAD 52',
  'size / MAD 8',
  'size / mean 26',
  'size / largest 26',
  'size / second 26',
  'largest / MAD 26',
  'sign',
  'size / level',
  'away from median 5',
  'away from median 26',
  'away from median 52',
  'as large in 52',
  'as large, same side in 52',
  'half as large in 52',
  'rates',
  'share of zeros',
  'share of falls',
  'zeros in a row',
  'zeros in a row above longest',
  'growth missed in zeros',
  'growth missed in zeros / MAD',
  'size / root of growth',
  'steps spanned',
  'opposite move 30 days before',
  'steps since a large move',
  'side of that move',
  'correlation of neighbours',
  'surprise before',
  'surprise two before',
  'surprise three before',
  'largest surprise of four before',
  'whole numbers',
  ...['three', 'two', 'one'].flatMap((n) => [
    `${n} before: size / largest 26`,
    `${n} before: size / level`,
    `${n} before: half as large in 52`,
  ]),
] as const

// Filled anew for each point.
const away = new Float64Array(maxPoints)
const sizes = new Float64Array(maxPoints)

/** Measures the growth of a point, and fills in its features (named in `growthNames`). */
export function measureSurprise(
  state: SignalState,
  growth: Growth,
  time: number,
  level: number,
  features: number[],
): Surprise {
  const { rates, spans, rate, span, isWhole, zeroRun } = growth
  const count = rates.length
  const from26 = Math.max(0, count - 26)
  const slope = median(rates, Math.max(0, count - 12))
  const slope5 = median(rates, Math.max(0, count - 5))
  const slope26 = median(rates, from26)
  const slope52 = median(rates)
  const root = Math.sqrt(span)
  const deviation = (rate - slope) * root
  const size = Math.abs(deviation)
  const sign = deviation < 0 ? -1 : 1
  const floor = (isWhole ? 0.4 : 0) + 1e-5 * level + 1e-12

  for (let j = 0; j < count; j++) away[j] = (rates[j]! - slope26) * Math.sqrt(spans[j]!)
  const past = summarise(growth, time, size, sign, from26)
  const mad26 = 1.4826 * past.middle26
  const mad52 = 1.4826 * past.middle52
  const scale = Math.max(0.6 * state.ordinary + 0.4 * state.outburst, 0.5 * mad26, floor)
  const surprise = deviation / scale
  const before = (n: number) => state.surprises[state.surprises.length - n] ?? 0
  const missed = zeroRun * Math.max(0, slope)
  features.push(
    squash(surprise),
    squash(size / (mad26 + floor)),
    squash(size / (mad52 + floor)),
    squash(size / (1.4826 * past.middle8 + floor)),
    squash(size / (past.mean26 + floor)),
    squash(size / (past.largest + floor)),
    squash(size / (past.second + floor)),
    squash(past.largest / (mad26 + floor)),
    sign,
    Math.log10((size + 1e-9) / (level + 1)),
    squash(((rate - slope5) * root * sign) / scale),
    squash(((rate - slope26) * root * sign) / scale),
    squash(((rate - slope52) * root * sign) / scale),
    past.asLarge / Math.max(1, count),
    past.asLargeSame / Math.max(1, count),
    past.halfAsLarge / Math.max(1, count),
    count,
    growth.zeroShare,
    growth.fallShare,
    zeroRun,
    zeroRun - growth.longestRun,
    squash(missed),
    squash(missed / (mad26 + floor)),
    squash(size / Math.sqrt(Math.max(0, slope) * span + 1)),
    Math.min(20, span),
    Math.min(3, past.opposite / (size + floor)),
    past.sinceLarge,
    past.largeSide,
    past.correlation,
    squash(before(1) * sign),
    squash(before(2) * sign),
    squash(before(3) * sign),
    squash(Math.max(Math.abs(before(1)), Math.abs(before(2)), Math.abs(before(3)), Math.abs(before(4)))),
    isWhole ? 1 : 0,
  )
  for (let n = 0; n < maxMoves; n++) features.push(state.moves[state.moves.length - maxMoves + n] ?? 0)
  const share = past.halfAsLarge / Math.max(1, count)
  const move = [squash(size / (past.largest + floor)), Math.log10((size + 1e-9) / (level + 1)), share]
  return { slope, slope5, slope26, deviation, sign, floor, scale, surprise, move }
}

const day = 86_400_000
const neverLarge = 60

/** What the deviations of before (`away`) are like, seen from one of this size and side. */
function summarise({ times }: Growth, time: number, size: number, sign: number, from26: number) {
  const count = times.length
  for (let j = 0; j < count; j++) sizes[j] = Math.abs(away[j]!)
  const middle52 = median(sizes, 0, count)
  const large = 7.4 * middle52 + 2
  let largest = 0
  let second = 0
  let sum = 0
  let asLarge = 0
  let asLargeSame = 0
  let halfAsLarge = 0
  let opposite = 0
  let sinceLarge = neverLarge
  let largeSide = 0
  let product = 0
  let square = 0
  for (let j = count - 1; j >= 0; j--) {
    const one = sizes[j]!
    if (one >= size) {
      asLarge++
      if (away[j]! * sign > 0) asLargeSame++
    }
    if (one >= size / 2) halfAsLarge++
    if (sinceLarge === neverLarge && one > large) {
      sinceLarge = count - j
      largeSide = Math.sign(away[j]!) * sign
    }
    // Sums over the last 30 days step back 30 days after they stepped.
    const days = (time - times[j]!) / day
    if (days > 24 && days < 37) opposite = Math.max(opposite, -away[j]! * sign)
    if (j < from26) continue
    sum += one
    if (one > largest) {
      second = largest
      largest = one
    } else if (one > second) second = one
    if (j > 0) product += away[j]! * away[j - 1]!
    square += one * one
  }
  return {
    middle52,
    middle26: median(sizes, from26, count),
    middle8: median(sizes, Math.max(0, count - 8), count),
    mean26: sum / Math.max(1, count - from26),
    largest,
    second,
    asLarge,
    asLargeSame,
    halfAsLarge,
    opposite,
    sinceLarge,
    largeSide,
    correlation: square > 0 ? clip(product / square, 1) : 0,
  }
}
