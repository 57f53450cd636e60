import { dayMs } from '#runtime/text/time.ts'
import { fitLabels, timeAxis, valueAxis } from './axes.ts'
import { describeLine } from './describe-chart.ts'
import { fitText } from './fit-text.ts'
import { formatDay, formatDifference, formatValue } from './format-value.ts'
import { drawLegend, kindsOf } from './legend.ts'
import {
  type Area,
  drawForecast,
  drawLine,
  drawMarks,
  drawShades,
  drawTimeTicks,
  drawValueTicks,
  shadePatterns,
} from './plot.ts'
import { type ReadSeries, readSeries, type Series, valuesOf } from './read-series.ts'
import { drawPicture, fontSize, heading, label, type Look, type Pen } from './svg.ts'

/** A series as an SVG: its line, forecast, news items, gaps, and times in which its source was not to be trusted. */
export function drawLineChart(series: Series, look: Look = {}): string {
  const read = readSeries(series)
  return drawPicture(look, describeLine(read, look.zone), (pen) => {
    const heading = drawHeading(pen, read)
    // Nothing to see, and no time or size to make axes of.
    if (valuesOf(read).length === 0) return { height: heading.height + 8, markup: heading.markup }
    const key = drawLegend(pen, [read], heading.height + 4)
    const top = heading.height + key.height + (read.marks.length > 0 ? 34 : 14)
    const plot = drawPlot(pen, read, top)
    const patterns = shadePatterns(pen, kindsOf([read]))
    return { height: plot.bottom, markup: [...patterns, ...heading.markup, ...key.markup, ...plot.markup] }
  })
}

/** The title, and below it the last value and its change. */
function drawHeading(pen: Pen, { title, points, unit, from, to }: ReadSeries): { height: number; markup: string[] } {
  const [first, last] = [points[0], points.at(-1)]
  const change =
    first && last && first !== last
      ? `, ${formatDifference(first.value, last.value, unit)} since ${formatDay(first.at, pen.zone)}`
      : ''
  const isShort = to - from < 3 * dayMs
  const said = last
    ? `${formatValue(last.value, unit, pen.zone)}${change}${isShort ? `; times in ${pen.zone}` : ''}`
    : 'No values'
  return {
    height: 40,
    markup: [heading(pen, title), label(pen, fitText(said, pen.width - 8, fontSize), { x: 4, y: 34 })],
  }
}

/** The plot with its axes, and where it ends. */
function drawPlot(pen: Pen, read: ReadSeries, top: number): { bottom: number; markup: string[] } {
  const { points, forecast, shades, unit } = read
  const bottom = top + Math.round(Math.min(260, Math.max(140, pen.width * 0.36)))
  const y = valueAxis(valuesOf(read), unit, [bottom, top], Math.round((bottom - top) / 45))
  const labels = fitLabels(y, pen.width)
  const area: Area = { left: labels.room + 12, right: pen.width - 10, top, bottom }
  const x = timeAxis(read, pen.zone, { ...area, outer: [0, pen.width] })
  const axes = { x, y }
  const times = drawTimeTicks(pen, x, area)
  const markup = [
    ...drawValueTicks(pen, labels, area),
    ...drawShades(pen, shades, x, area),
    ...times.markup,
    ...drawForecast(pen, points.at(-1), forecast, axes),
    ...drawLine(pen, read, axes),
    ...drawMarks(pen, read, axes, area),
  ]
  return { bottom: bottom + times.height, markup }
}
