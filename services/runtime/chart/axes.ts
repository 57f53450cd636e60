import { extent } from 'd3-array'
import { scaleLinear, scaleUtc } from 'd3-scale'
import { utcFormat } from 'd3-time-format'
import { dayMs } from '#runtime/text/time.ts'
import { offsetAt, whenReached } from '#runtime/text/time-zone.ts'
import { fitText, textWidth } from './fit-text.ts'
import { formatTicks } from './format-value.ts'
import type { Span, Unit } from './read-series.ts'
import { fontSize } from './svg.ts'

export type ValueAxis = {
  /** Where a value is, in pixels. */
  position(value: number): number
  ticks: readonly { at: number; label: string }[]
}

/** An axis for `values`, of which there may be none, from `low` to `high` in pixels, with about `count` ticks. */
export function valueAxis(values: Iterable<number>, unit: Unit, [low, high]: Range, count: number): ValueAxis {
  const [from, to, factor] = findDomain(values, unit)
  const scale =
    unit === 'date' ? scaleUtc([from, to], [low, high]).nice(count) : scaleLinear([from, to], [low, high]).nice(count)
  const found: (number | Date)[] = scale.ticks(count)
  const ticks = found
    .map((tick) => ({ at: scale(tick), value: Number(tick) / factor }))
    .filter(({ value }) => Number.isFinite(value))
  const labels = formatTicks(
    ticks.map(({ value }) => value),
    unit,
  )
  return {
    position: (value) => scale(value * factor),
    ticks: ticks
      .map(({ at }, index) => ({ at, label: labels[index] ?? '' }))
      // Ticks that differ by less than a label says.
      .filter(({ label }, index) => label !== labels[index - 1]),
  }
}
type Range = readonly [from: number, to: number]

/** From and to, times the factor: numbers that can be subtracted and divided without becoming 0 or infinite. */
export function findDomain(values: Iterable<number>, unit: Unit): [from: number, to: number, factor: number] {
  const [least = 0, most = 0] = extent(values)
  const size = Math.max(Math.abs(least), Math.abs(most))
  const power = size === 0 ? 0 : Math.max(-300, Math.min(300, -Math.round(Math.log10(size))))
  const factor = Math.abs(power) > 100 ? 10 ** power : 1
  const [from, to, span] = [least * factor, most * factor, size * factor]
  if (to - from > span * 1e-12) return [unit !== 'date' && from > 0 && from < to / 3 ? 0 : from, to, factor]
  if (unit === 'date') return [from - dayMs, to + dayMs, factor]
  return span === 0 ? [0, 1, factor] : [from - span / 10, to + span / 10, factor]
}

/** A text on an axis, and its middle in pixels. */
type AxisLabel = { text: string; at: number }
export type TimeAxis = {
  position(at: number): number
  /** `below` says what changes seldom: the day or the year. */
  ticks: readonly { at: number; label: AxisLabel; below: AxisLabel | null }[]
}

/**
 * An axis for times, with ticks at whole hours, days, months and years of the zone. Its labels do not touch, and stay
 * between the `outer` pixels.
 */
export function timeAxis(
  { from, to }: Span,
  zone: string,
  { left, right, outer }: { left: number; right: number; outer: Range },
): TimeAxis {
  const wall = (at: number) => at + offsetAt(zone, at)
  const position = (at: number) => left + ((at - from) / (to - from)) * (right - left)
  const count = Math.max(2, Math.floor((right - left) / (fontSize * 6.5)))
  const ticks = pickTicks(wall(from), wall(to), count)
    .map((tick) => ({ wall: tick, at: whenReached(zone, Number(tick)) }))
    // An hour that the clocks leave out is the one after it.
    .filter(({ at }, index, all) => at >= from && at <= to && at !== all[index - 1]?.at)
  const { format, below } = pickFormats(ticks.map((tick) => tick.wall))
  const labels = ticks.map((tick) => ({ at: position(tick.at), label: format(tick.wall), below: below(tick.wall) }))
  return { position, ticks: placeLabels(labels, outer) }
}

/** About `count` times. Two years in a picture are few, and four quarters each many: then there are half-years. */
function pickTicks(from: number, to: number, count: number): Date[] {
  const scale = scaleUtc([from, to], [0, 1])
  const found = scale.ticks(count)
  if (found.length > 3 || count < 3 || !found.every((tick) => formats[0][0].test(tick.toISOString()))) return found
  const quarters = scale.ticks(4 * found.length + 4)
  return quarters.filter((tick) => tick.getUTCMonth() % 6 === 0)
}

const formats = [
  [/-01-01T00:00:00\.000Z$/, '%Y', ''],
  [/-01T00:00:00\.000Z$/, '%b', '%Y'],
  [/T00:00:00\.000Z$/, '%-d %b', '%Y'],
  [/:00\.000Z$/, '%H:%M', '%-d %b %Y'],
  [/\.000Z$/, '%H:%M:%S', '%-d %b %Y'],
  [/Z$/, '%H:%M:%S.%L', '%-d %b %Y'],
] as const

/** The shortest form that tells all ticks apart. */
function pickFormats(ticks: readonly Date[]) {
  const texts = ticks.map((tick) => tick.toISOString())
  const [, format, below] = formats.find(([form]) => texts.every((text) => form.test(text))) ?? formats[0]
  return { format: utcFormat(format), below: utcFormat(below) }
}

function placeLabels(ticks: readonly { at: number; label: string; below: string }[], outer: Range): TimeAxis['ticks'] {
  const rows = { label: -Infinity, below: -Infinity }
  /** null: there is no room beside the labels before. */
  const place = (row: keyof typeof rows, text: string, at: number): AxisLabel | null => {
    const half = textWidth(text, fontSize) / 2 + 1
    const middle = Math.max(outer[0] + half, Math.min(outer[1] - half, at))
    if (middle - half < rows[row] + fontSize / 2) return null
    rows[row] = middle + half
    return { text, at: middle }
  }
  let said = ''
  return ticks.flatMap((tick) => {
    const label = place('label', tick.label, tick.at)
    if (!label) return []
    const below = tick.below === said ? null : place('below', tick.below, tick.at)
    if (below) said = tick.below
    return [{ at: tick.at, label, below }]
  })
}

/** The labels of a value axis, and how wide they are: at most a third of `width`. */
export function fitLabels({ ticks }: ValueAxis, width: number) {
  const widest = Math.max(0, ...ticks.map(({ label }) => textWidth(label, fontSize)))
  const room = Math.min(Math.ceil(widest), width / 3)
  return { room, ticks: ticks.map(({ at, label }) => ({ at, label: fitText(label, room + 1, fontSize) })) }
}
