import { median } from '../../services/analyzer/signals/order.ts'

/** A plain method: scores of all points, each from earlier points only. */
export type Method = (times: readonly number[], values: readonly number[]) => number[]

const warmUp = 8
const day7 = 7 * 86_400_000

const percentRule: Method = (_, values) =>
  values.map((value, i) => {
    const before = values[i - 1]
    return before === undefined || i < warmUp ? 0 : Math.abs(value - before) / Math.max(Math.abs(before), 1)
  })

type Picked = 'values' | 'changes' | 'growth'
/** Values, their changes, or changes per week. Index 0 of changes has none. */
function pick(what: Picked, times: readonly number[], values: readonly number[]): number[] {
  if (what === 'values') return values.slice()
  return values.map((value, i) => {
    if (i === 0) return NaN
    const change = value - values[i - 1]!
    return what === 'changes' ? change : change / Math.max(0.14, (times[i]! - times[i - 1]!) / day7)
  })
}

const rolling =
  (what: Picked, window: number, judge: (now: number, past: number[]) => number): Method =>
  (times, values) => {
    const numbers = pick(what, times, values)
    return numbers.map((now, i) => {
      const past = numbers.slice(Math.max(0, i - window), i).filter((one) => !Number.isNaN(one))
      return past.length < Math.min(warmUp, window) ? 0 : judge(now, past)
    })
  }

const mean = (list: readonly number[]) => list.reduce((sum, one) => sum + one, 0) / list.length
function zScore(now: number, past: number[]): number {
  const middle = mean(past)
  const spread = Math.sqrt(mean(past.map((one) => (one - middle) ** 2)))
  return Math.abs(now - middle) / (spread + 0.5)
}
function madScore(now: number, past: number[]): number {
  const middle = median(past)
  return Math.abs(now - middle) / (1.4826 * median(past.map((one) => Math.abs(one - middle))) + 0.5)
}

const ewma: Method = (times, values) => {
  const numbers = pick('growth', times, values)
  let level = NaN
  let variance = 0
  return numbers.map((now, i) => {
    if (Number.isNaN(now)) return 0
    if (Number.isNaN(level)) level = now
    const away = now - level
    const score = i < warmUp ? 0 : Math.abs(away) / (Math.sqrt(variance) + 0.5)
    level += 0.2 * away
    variance = 0.9 * (variance + 0.1 * away * away)
    return score
  })
}

/** Expected: the median growth. Scale: the ordinary deviation and that of outbursts, followed at two speeds. */
const robustTrend: Method = (times, values) => {
  const numbers = pick('growth', times, values)
  let ordinary = 0
  let outburst = 0
  return numbers.map((now, i) => {
    if (i < 2) return 0
    const slope = median(numbers.slice(Math.max(1, i - 12), i))
    const size = Math.abs(now - slope)
    const scale = Math.max(0.6 * ordinary + 0.4 * outburst, 0.5)
    const score = i < warmUp ? 0 : size / scale
    ordinary += Math.max(0.06, 1 / i) * (1.25 * Math.min(size, 3 * Math.max(ordinary, 0.5)) - ordinary)
    outburst += 0.06 * (size - outburst)
    return score
  })
}

export const methods: Record<string, Method> = {
  'percent rule': percentRule,
  ...Object.fromEntries(
    (['values', 'changes', 'growth'] as const).flatMap((what) =>
      [8, 12, 26].map((window) => [`z-score of ${what}, ${window}`, rolling(what, window, zScore)]),
    ),
  ),
  'median/MAD of growth, 26': rolling('growth', 26, madScore),
  'EWMA of growth': ewma,
  'robust trend': robustTrend,
}
