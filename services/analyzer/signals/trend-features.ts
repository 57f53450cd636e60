import type { Growth } from './growth.ts'
import type { Surprise } from './growth-features.ts'
import { logRatio, median, squash } from './order.ts'

export const trendNames = [
  'growth / slope',
  'growth of three away from before',
  'growth of two away from before',
  'growth of three / before',
  'least growth of three / before',
  'least growth of two / before',
  'three below before',
  'two below before',
  'one below before',
  'growth of fourth and fifth away from before',
  'three and one on one side',
  'slope of 5 / slope of 26',
  'slope / level',
  'MAD / level',
  'least growth of three / largest of before',
  'least growth of two / largest of before',
  'growth of three / largest of before',
  'scatter of three',
  'roots of growth of three away from before',
  'least growth of before / slope',
] as const

/** Whether growth has changed for good: the last two and three rates against the 26 before. Named in `trendNames`. */
export function addTrendFeatures(
  { rates, rate }: Growth,
  { slope, slope5, slope26, sign, floor }: Surprise,
  level: number,
  features: number[],
) {
  const count = rates.length
  const end = Math.max(0, count - 2)
  const start = Math.max(0, count - 28)
  const before = median(rates, start, end)
  const away: number[] = []
  for (let j = start; j < end; j++) away.push(Math.abs(rates[j]! - before))
  const spread = 1.4826 * median(away) + floor
  const back = (n: number, otherwise: number) => rates[count - n] ?? otherwise
  const r1 = back(1, rate)
  const r2 = back(2, r1)
  const r3 = back(3, r2)
  const r4 = back(4, r3)
  const mean2 = (rate + r1) / 2
  const mean3 = (rate + r1 + r2) / 3
  const side = mean3 < before ? -1 : 1
  const least2 = side > 0 ? Math.min(rate, r1) : Math.max(rate, r1)
  const least3 = side > 0 ? Math.min(least2, r2) : Math.max(least2, r2)
  let above1 = 0
  let above2 = 0
  let above3 = 0
  for (let j = start; j < end; j++) {
    if ((rates[j]! - least3) * side >= 0) above3++
    if ((rates[j]! - least2) * side >= 0) above2++
    if ((rates[j]! - rate) * sign >= 0) above1++
  }
  const compared = Math.max(1, end - start)
  features.push(
    logRatio(rate, slope, 6),
    squash((Math.abs(mean3 - before) / spread) * 1.7),
    squash((Math.abs(mean2 - before) / spread) * 1.4),
    logRatio(mean3, before, 6),
    logRatio(least3, before, 6),
    logRatio(least2, before, 6),
    above3 / compared,
    above2 / compared,
    above1 / compared,
    squash((((r3 + r4) / 2 - before) * side) / spread),
    side * sign,
    logRatio(slope5, slope26, 4),
    Math.log10(Math.abs(slope) / (level + 1) + 1e-7),
    Math.log10(spread / (level + 1) + 1e-7),
  )
  addRunFeatures(rates, end, before, side, spread, { sum: 3 * mean3, least2, least3, rate, r1, r2 }, features)
}

/** The last three rates together against the three together that stood out most before. */
function addRunFeatures(
  rates: readonly number[],
  end: number,
  before: number,
  side: number,
  spread: number,
  now: { sum: number; least2: number; least3: number; rate: number; r1: number; r2: number },
  features: number[],
): void {
  let highest2 = 0
  let highest3 = 0
  let highestSum = 0
  let lowest = Infinity
  let a = -Infinity
  let b = -Infinity
  for (let j = 0; j < end; j++) {
    const c = (rates[j]! - before) * side
    const two = c < b ? c : b
    const three = two < a ? two : a
    if (two > highest2) highest2 = two
    if (three > highest3) highest3 = three
    if (a + b + c > highestSum) highestSum = a + b + c
    if (rates[j]! < lowest) lowest = rates[j]!
    a = b
    b = c
  }
  const { sum, least2, least3, rate, r1, r2 } = now
  const expected = Math.max(0, before)
  features.push(
    squash(((least3 - before) * side) / (highest3 + 0.5 * spread)),
    squash(((least2 - before) * side) / (highest2 + 0.5 * spread)),
    squash(((sum - 3 * before) * side) / (highestSum + 0.5 * spread)),
    squash((Math.max(rate, r1, r2) - Math.min(rate, r1, r2)) / (Math.abs(sum / 3 - before) + 0.1 * spread)),
    squash(2 * Math.abs(Math.sqrt(Math.max(0, sum) + 0.4) - Math.sqrt(3 * expected + 0.4))),
    logRatio(lowest, before, 5),
  )
}
