import { formatCount, formatList } from '#runtime/text/format.ts'
import { excerpt } from '#runtime/text/shorten.ts'
import { dayMs } from '#runtime/text/time.ts'
import { formatDay, formatDifference, formatMinute, formatValue } from './format-value.ts'
import { type ReadSeries, readSeries, type Series, type ShadeKind, shadeKinds, type Span } from './read-series.ts'
import { type Alternative, limits } from './svg.ts'

/**
 * What the picture of a series says: the range, the last value and its change, the highest and the lowest, the forecast,
 * gaps, shaded times and news items. Throws as `readSeries` does.
 */
export function describeChart(series: Series, zone = 'UTC'): Alternative {
  return describeLine(readSeries(series), zone)
}

export function describeLine(read: ReadSeries, zone = 'UTC'): Alternative {
  const when = timesOf(read, zone)
  return {
    title: excerpt(read.title, limits.titleLength) || 'Values',
    description: [
      ...describeValues(read, zone, when),
      ...describeForecast(read, zone, when),
      ...describeGaps(read.gaps, when),
      ...shadeKinds.flatMap((kind) => describeShades(read, kind, when)),
      ...describeMarks(read, when),
    ].join(' '),
  }
}

type FormatTime = (at: number) => string

/** Within three days a day alone says too little. */
function timesOf({ from, to }: Span, zone: string): FormatTime {
  return to - from < 3 * dayMs ? (at) => `${formatMinute(at, zone)} ${zone}` : (at) => formatDay(at, zone)
}

function describeValues({ points, unit }: ReadSeries, zone: string, when: FormatTime): string[] {
  const [first, last] = [points[0], points.at(-1)]
  if (!first || !last) return ['No values.']
  const say = (value: number) => formatValue(value, unit, zone)
  if (points.length === 1) return [`One value: ${say(last.value)} on ${when(last.at)}.`]
  let [lowest, highest] = [first, first]
  for (const point of points) {
    if (point.value < lowest.value) lowest = point
    if (point.value > highest.value) highest = point
  }
  const range = `${points.length.toLocaleString('en-US')} values from ${when(first.at)} to ${when(last.at)}.`
  if (lowest.value === highest.value) return [range, `All are ${say(last.value)}.`]
  const change = formatDifference(first.value, last.value, unit)
  return [
    range,
    `Last value ${say(last.value)}, ${change === 'unchanged' ? 'the same as' : `${change} from`} the first, ${say(first.value)}.`,
    `Highest ${say(highest.value)} on ${when(highest.at)}, lowest ${say(lowest.value)} on ${when(lowest.at)}.`,
  ]
}

function describeForecast({ forecast, unit }: ReadSeries, zone: string, when: FormatTime): string[] {
  const last = forecast.at(-1)
  if (!last) return []
  const [value, low, high] = [last.value, last.low, last.high].map((number) => formatValue(number, unit, zone))
  return [`Forecast for ${when(last.at)}: ${value}; 8 of 10 such values are between ${low} and ${high}.`]
}

function describeGaps(gaps: readonly Span[], when: FormatTime): string[] {
  if (gaps.length === 0) return []
  const spans = gaps.slice(0, limits.named).map(({ from, to }) => `between ${when(from)} and ${when(to)}`)
  const more = gaps.length > spans.length ? [`${gaps.length - spans.length} more`] : []
  return [`${formatCount(gaps.length, 'gap')} without values: ${formatList([...spans, ...more])}.`]
}

const shadeTexts: Record<ShadeKind, string> = {
  down: 'The source was down',
  late: 'Data was late',
  suspect: 'Data was suspect',
}

function describeShades({ shades }: ReadSeries, kind: ShadeKind, when: FormatTime): string[] {
  const of = shades.filter((shade) => shade.kind === kind)
  const last = of.at(-1)
  if (!last) return []
  const often = of.length === 1 ? '' : ` ${of.length} times, last`
  return [`${shadeTexts[kind]}${often} from ${when(last.from)} to ${when(last.to)}.`]
}

function describeMarks({ marks }: ReadSeries, when: FormatTime): string[] {
  const last = marks.at(-1)
  if (!last) return []
  const latest = `${marks.length === 1 ? '' : '; the latest'} on ${when(last.at)}`
  return [
    `${formatCount(marks.length, 'news item')}${latest}: ${excerpt(last.text, limits.nameLength)}.`.replace(
      /([.…!?])\.$/,
      '$1',
    ),
  ]
}
