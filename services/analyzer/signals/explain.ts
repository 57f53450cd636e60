import type { Measured } from './measure.ts'
import { median } from './order.ts'
import type { SignalState } from './state.ts'

export type Kind = 'spike' | 'drop' | 'level shift' | 'trend break' | 'stall' | 'fall' | 'season' | 'variance'

const day = 86_400_000
/** A series of which fewer changes are falls is a counter. */
const leastFalls = 0.1
/** Deviations that scatter are not further apart in size. */
const mostUneven = 5

/** Names what is unusual about a point, and says it in words that need no name before them. */
export function explain(
  state: SignalState,
  time: number,
  value: number,
  measured: Measured,
): { kind: Kind; reason: string } {
  const { kind, reason } = findKind(state, time, value, measured)
  const record = findRecord(state, value, measured)
  return { kind, reason: record === '' ? reason : `${reason}, ${record}` }
}

function findKind(state: SignalState, time: number, value: number, measured: Measured): { kind: Kind; reason: string } {
  const { times, values } = state
  const { growth, slope } = measured
  const last = values.at(-1)!
  if (growth.zeroRun >= 2 && slope > 0)
    return { kind: 'stall', reason: `no growth in ${growth.zeroRun} values in a row, ${format(slope)} each was usual` }
  const season = measured.seasonal
  // A season is the reason only where it expects something else than growth does.
  const plain = growth.from + slope * growth.span
  if (season !== null && Math.abs(season - plain) > 0.5 * Math.abs(value - season))
    return {
      kind: 'season',
      reason: `${describeShare(value, season)} what the same time of earlier periods makes expect (${format(season)})`,
    }
  if (value < last && growth.fallShare < leastFalls) {
    const fall = findLast(values, (now, before) => now < before)
    return { kind: 'fall', reason: `first fall in ${formatSpan(time - (times[fall] ?? times[0]!))}` }
  }
  const prior = median(growth.rates, Math.max(0, growth.rates.length - 28), growth.rates.length - 2)
  const newest = [growth.rate, ...growth.rates.slice(-2)]
  const factor = newest.reduce((sum, one) => sum + one, 0) / 3 / prior
  const isSteady = newest.every((one) => (factor > 1 ? one > 1.4 * prior : one < 0.7 * prior))
  if (prior > 0 && isSteady && factor > 0)
    return { kind: 'trend break', reason: `growth is ${formatFactor(factor)} that of before for three values` }
  const scatter = findScatter(growth.rates, growth.rate, slope, measured.floor)
  if (scatter > 0) return { kind: 'variance', reason: `changes are ${describeTimes(scatter)} as large as before` }
  const isUp = measured.sign > 0
  const size = Math.abs(growth.rate - slope)
  const asLarge = growth.rates.findLastIndex((one) => (isUp ? one - slope >= size : slope - one >= size))
  const since = asLarge < 0 ? (growth.times[0] ?? times[0]!) : growth.times[asLarge]!
  const word = value >= last ? (isUp ? 'rise' : 'rise, but the smallest') : 'fall'
  const reason =
    isUp === value >= last
      ? `largest ${word} in ${formatSpan(time - since)}`
      : `slowest growth in ${formatSpan(time - since)}`
  const moved = Math.abs(last - (values.at(-2) ?? last))
  const isSecond = moved > 3 * Math.abs(value - last) && moved > 3 * Math.abs(slope)
  return { kind: isSecond ? 'level shift' : isUp ? 'spike' : 'drop', reason }
}

/**
 * How many times as large as usual the last six deviations are, of which three at least are far beyond what is usual,
 * to both sides. 0 where they are not.
 */
function findScatter(rates: readonly number[], rate: number, slope: number, floor: number): number {
  const newest = [...rates.slice(-5), rate].map((one) => one - slope)
  const before = rates.slice(-31, -5).map((one) => Math.abs(one - slope))
  const usual = Math.max(median(before), floor)
  const far = newest.filter((one) => Math.abs(one) > 3 * usual)
  if (before.length < 10 || far.length < 3 || !far.some((one) => one > 0) || !far.some((one) => one < 0)) return 0
  const sizes = far.map(Math.abs)
  const typical = median(sizes)
  // One jump is no scatter.
  return Math.max(...sizes) > mostUneven * typical ? 0 : typical / usual
}

/** Where hardly anything moved before, the figure itself says nothing. */
function describeTimes(factor: number): string {
  return factor > 100 ? 'more than 100 times' : `${Math.round(factor)} times`
}

function findLast(values: readonly number[], wanted: (now: number, before: number) => boolean): number {
  for (let i = values.length - 1; i > 0; i--) if (wanted(values[i]!, values[i - 1]!)) return i
  return -1
}

/** A value must have been exceeded for this many points to be a record. */
const leastRecord = 8

/**
 * Passing 1,000, 10,000, 100,000 … upwards for the first time; or, in a series that goes up and down, a value as high
 * or as low as none for long. Empty for no record.
 */
function findRecord({ times, values }: SignalState, value: number, { growth }: Measured): string {
  const stone = value < 1000 ? 0 : 10 ** Math.floor(Math.log10(value))
  if (stone > 0 && values.every((one) => one < stone)) return `passes ${format(stone)}`
  if (growth.fallShare < leastFalls) return ''
  for (const [word, side] of [
    ['highest', 1],
    ['lowest', -1],
  ] as const) {
    const beaten = values.findLastIndex((one) => (one - value) * side >= 0)
    if (beaten >= 0 && values.length - beaten > leastRecord) return `${word} since ${months.format(times[beaten])}`
  }
  return ''
}

function describeShare(value: number, expected: number): string {
  const share = Math.abs(value - expected) / Math.max(Math.abs(expected), 1e-9)
  return `${format(100 * share)} % ${value < expected ? 'below' : 'above'}`
}

const months = new Intl.DateTimeFormat('en', { month: 'long', year: 'numeric', timeZone: 'UTC' })
const numbers = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 })
const format = (value: number) => numbers.format(value)
const formatFactor = (factor: number) => (factor >= 1 ? `${format(factor)} times` : `${format(100 * factor)} % of`)

function formatSpan(ms: number): string {
  const days = ms / day
  if (days >= 60) return `${Math.round(days / 30.4375)} months`
  if (days >= 14) return `${Math.round(days / 7)} weeks`
  if (days >= 2) return `${Math.round(days)} days`
  return ms >= 2 * 3_600_000 ? `${Math.round(ms / 3_600_000)} hours` : `${Math.max(1, Math.round(ms / 60_000))} minutes`
}
