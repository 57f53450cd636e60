import { utcFormat } from 'd3-time-format'
import { formatChange, formatCount, formatNumber } from '#runtime/text/format.ts'
import { dayMs } from '#runtime/text/time.ts'
import { offsetAt } from '#runtime/text/time-zone.ts'
import type { Unit } from './read-series.ts'

const thousands = [
  [1e12, 'T'],
  [1e9, 'B'],
  [1e6, 'M'],
  [1e3, 'k'],
] as const
const byteUnits = [
  [1e15, 'PB'],
  [1e12, 'TB'],
  [1e9, 'GB'],
  [1e6, 'MB'],
  [1e3, 'kB'],
] as const
const nbsp = '\u00a0'
/** Decimals of a tick: more would be wider than any axis. */
const maxDecimals = 9
const grouped = new Intl.NumberFormat('en-US', { maximumFractionDigits: maxDecimals })

/** The labels of an axis’s ticks: 0, 500, 12 k, 3.4 M; 1e15; 12%; 3.4 MB; Mar 2026. */
export function formatTicks(ticks: readonly number[], unit: Unit): string[] {
  const step = ticks.length > 1 ? Math.abs((ticks[1] as number) - (ticks[0] as number)) : 0
  if (unit === 'date') {
    const format = utcFormat(step >= 300 * dayMs ? '%Y' : step >= 25 * dayMs ? '%b %Y' : '%-d %b %Y')
    return ticks.map((tick) => format(new Date(tick)))
  }
  const largest = Math.max(0, ...ticks.map(Math.abs))
  const sign = unit === 'percent' ? '%' : ''
  if (largest >= 1e15 && unit !== 'bytes') return ticks.map((tick) => `${formatPower(tick, largest, step)}${sign}`)
  if (largest < 1e-3 && largest > 0) return ticks.map((tick) => `${formatPower(tick, largest, step)}${sign}`)
  const units = unit === 'bytes' ? byteUnits : largest >= 1e4 ? thousands : []
  return ticks.map((tick) => {
    const [divisor, name] =
      units.find(([least]) => Math.abs(tick) >= least) ?? ([1, unit === 'bytes' ? 'B' : ''] as const)
    return `${grouped.format(roundTo(tick / divisor, step / divisor))}${name && nbsp + name}${sign}`
  })
}

/** With the exponent of the largest tick, so that ticks of one axis compare at a glance: 0.5e15, 1e15. */
function formatPower(tick: number, largest: number, step: number): string {
  if (tick === 0) return '0'
  const exponent = Math.floor(Math.log10(largest))
  // 10 to the power of -308 is the smallest that is a whole power.
  const mantissa = tick / 10 ** Math.max(exponent, -308) / 10 ** Math.min(0, exponent + 308)
  return `${grouped.format(roundTo(mantissa, step / largest))}e${exponent}`
}

function roundTo(value: number, step: number): number {
  const decimals = step > 0 ? Math.ceil(-Math.log10(step) - 1e-9) + 1 : maxDecimals
  return Number(value.toFixed(Math.max(0, Math.min(maxDecimals, decimals))))
}

/** A value in a sentence. */
export function formatValue(value: number, unit: Unit, zone: string): string {
  if (unit === 'date') return formatDay(value, zone)
  if (unit === 'percent') return `${formatNumber(value)}%`
  if (unit === 'number') return formatNumber(value)
  const [divisor, name] = byteUnits.find(([least]) => Math.abs(value) >= least) ?? ([1, 'bytes'] as const)
  return `${formatNumber(divisor === 1 ? value : Number((value / divisor).toPrecision(3)))} ${name}`
}

/** How far a value is from one before: +48%, +1,200 where there is no percentage, +2 points, 3 days later. */
export function formatDifference(before: number, now: number, unit: Unit): string {
  if (before === now) return 'unchanged'
  const difference = now - before
  if (unit === 'date') {
    const days = Math.max(1, Math.round(Math.abs(difference) / dayMs))
    return `${formatCount(days, 'day')} ${difference < 0 ? 'earlier' : 'later'}`
  }
  // Two numbers may be further apart than any number.
  if (!Number.isFinite(difference)) return 'changed'
  const sign = difference < 0 ? '-' : '+'
  if (unit === 'percent') return `${sign}${formatNumber(Math.abs(difference))} points`
  const percent = (difference / Math.abs(before)) * 100
  if (before !== 0 && Number.isFinite(percent)) return formatChange(percent)
  return `${sign}${formatValue(Math.abs(difference), unit, 'UTC')}`
}

const dayForm = utcFormat('%-d %B %Y')
const minuteForm = utcFormat('%-d %B %Y, %H:%M')

/** The day of a time in a zone: 16 November 2026. */
export function formatDay(at: number, zone: string): string {
  return dayForm(new Date(at + offsetAt(zone, at)))
}

/** A time in a zone to the minute: 16 November 2026, 10:03. */
export function formatMinute(at: number, zone: string): string {
  return minuteForm(new Date(at + offsetAt(zone, at)))
}
