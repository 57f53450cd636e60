import type { Measured } from './measure.ts'
import { median } from './order.ts'
import type { SignalState } from './state.ts'

export type Kind = 'spike' | 'drop' | 'level shift' | 'trend break' | 'stall' | 'fall' | 'season' | 'variance'

const day = 86_400_000

/** Names what is unusual about a point, and says it in words that need no name before them. */
export function explain(
  state: SignalState,
  time: number,
  value: number,
  measured: Measured,
): { kind: Kind; reason: string } {
  const { kind, reason } = findKind(state, time, value, measured)
  const record = findRecord(state.values, value)
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
  if (value < last && growth.fallShare < 0.1) {
    const fall = findLast(values, (now, before) => now < before)
    return { kind: 'fall', reason: `first fall in ${formatSpan(time - (times[fall] ?? times[0]!))}` }
  }
  const prior = median(growth.rates, Math.max(0, growth.rates.length - 28), growth.rates.length - 2)
  const newest = [growth.rate, ...growth.rates.slice(-2)]
  const factor = newest.reduce((sum, one) => sum + one, 0) / 3 / prior
  const isSteady = newest.every((one) => (factor > 1 ? one > 1.4 * prior : one < 0.7 * prior))
  if (prior > 0 && isSteady && factor > 0)
    return { kind: 'trend break', reason: `growth is ${formatFactor(factor)} that of before for three values` }
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

function findLast(values: readonly number[], wanted: (now: number, before: number) => boolean): number {
  for (let i = values.length - 1; i > 0; i--) if (wanted(values[i]!, values[i - 1]!)) return i
  return -1
}

/** Passing 1,000, 10,000, 100,000 … upwards for the first time. */
function findRecord(values: readonly number[], value: number): string {
  if (value < 1000) return ''
  const stone = 10 ** Math.floor(Math.log10(value))
  return values.every((one) => one < stone) ? `passes ${format(stone)}` : ''
}

function describeShare(value: number, expected: number): string {
  const share = Math.abs(value - expected) / Math.max(Math.abs(expected), 1e-9)
  return `${format(100 * share)} % ${value < expected ? 'below' : 'above'}`
}

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
