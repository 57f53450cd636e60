import { findDomain, fitLabels, timeAxis, type ValueAxis, valueAxis } from './axes.ts'
import { describeLine } from './describe-chart.ts'
import { fitText, textWidth } from './fit-text.ts'
import { formatValue } from './format-value.ts'
import { drawLegend, kindsOf } from './legend.ts'
import {
  type Area,
  drawDiamond,
  drawForecast,
  drawLine,
  drawShades,
  drawTimeTicks,
  drawValueTicks,
  shadePatterns,
  thinRun,
} from './plot.ts'
import {
  type Point,
  type ReadSeries,
  readSeries,
  type Series,
  type Span,
  type Valued,
  valuesOf,
} from './read-series.ts'
import {
  type Alternative,
  drawPicture,
  element,
  fontSize,
  heading,
  label,
  type Look,
  type Pen,
  limits,
  roles,
} from './svg.ts'

/** A series as a line without axes, as high as a line of text: for tables. Its numbers stand beside it. */
export function drawSparkline(series: Series, look: Look = {}): string {
  const read = readSeries(series)
  const height = 24
  return drawPicture(
    look,
    describeLine(read, look.zone),
    (pen) => {
      const [x, y] = [
        timeAxis(read, pen.zone, { left: 4, right: pen.width - 4, outer: [0, pen.width] }),
        axisOf(read, [height - 4, 4]),
      ]
      return { height, markup: drawLine(pen, read, { x, y }, 1.5) }
    },
    [40, 120],
  )
}

function axisOf(read: Pick<ReadSeries, 'points' | 'forecast' | 'unit'>, range: readonly [number, number]): ValueAxis {
  return valueAxis(valuesOf(read), read.unit, range, 2)
}

const spark = { width: 96, height: 24, margin: 3 }

/**
 * A line without axes for a cell of a table that says its numbers as text: of a few hundred bytes, on a page with
 * `chartStyle`, and not there for screen readers. `span`: the times at its left and right. Nothing without two values.
 * Throws as `readSeries` does.
 */
export function drawSpark(points: readonly Point[], span: Span): string {
  const { width, height, margin } = spark
  const { points: shown, runs, ...read } = readSeries({ title: '', points, ...span })
  if (shown.length < 2) return ''
  // There are hundreds on a page, so they do without scales, which also find ticks.
  const values = shown.map(({ value }) => value)
  const [low, high, factor] = findDomain(values, 'number')
  const x = (at: number) => margin + ((at - read.from) / (read.to - read.from)) * (width - 2 * margin)
  const y = (value: number) => height - margin - ((value * factor - low) / (high - low)) * (height - 2 * margin)
  const tenth = (pixels: number) => Math.round(pixels * 10) / 10
  const toPath = (run: readonly Valued[]) =>
    `M${run.map(({ at, value }) => `${tenth(x(at))},${tenth(y(value))}`).join('L')}`
  // A value that stands alone is a dot: a line of no length with a round end.
  const d = runs.map((run) => `${toPath(thinRun(run, (at) => Math.floor(x(at) / 2)))}${run.length === 1 ? 'h0' : ''}`)
  const path = element('path', { class: 'chart-line', stroke: roles.line.light, fill: 'none', d: d.join('') })
  return element(
    'svg',
    { class: 'spark', width, height, viewBox: `0 0 ${width} ${height}`, 'aria-hidden': 'true' },
    path,
  )
}

/** Several series on one time axis, each with a scale of its own. */
export type Multiples = { title: string; series: readonly Series[]; from?: number; to?: number }

/** A panel for each series, at most `limits.panels`, side by side where there is room. */
export function drawMultiples(multiples: Multiples, look: Look = {}): string {
  const panels = readPanels(multiples)
  return drawPicture(look, describePanels(multiples, panels, look.zone), (pen) => drawPanels(pen, multiples, panels))
}

export function describeMultiples(multiples: Multiples, zone?: string): Alternative {
  return describePanels(multiples, readPanels(multiples), zone)
}

function readPanels({ series, from, to }: Multiples): ReadSeries[] {
  const shown = series.slice(0, limits.panels)
  const own = shown.map((one) => readSeries({ ...one, from, to }))
  const filled = own.filter(({ points, forecast }) => points.length + forecast.length > 0)
  const [start, end] = [Math.min(...filled.map((one) => one.from)), Math.max(...filled.map((one) => one.to))]
  return filled.length === 0 ? own : shown.map((one) => readSeries({ ...one, from: from ?? start, to: to ?? end }))
}

function describePanels({ title, series }: Multiples, panels: readonly ReadSeries[], zone?: string): Alternative {
  const said = panels.map((panel) => describeLine(panel, zone)).map((one) => `${one.title}: ${one.description}`)
  const more = series.length - panels.length
  return {
    title,
    description: [
      ...said,
      ...(more > 0 ? [`${more} more are not shown.`] : said.length === 0 ? ['No series.'] : []),
    ].join(' '),
  }
}

const lineTop = 28
const plotHeight = 56
const panelHeight = lineTop + plotHeight + 14
const between = 20

function drawPanels(pen: Pen, { title, series }: Multiples, panels: readonly ReadSeries[]) {
  const columns = Math.max(1, Math.min(pen.width >= 900 ? 3 : pen.width >= 520 ? 2 : 1, panels.length))
  const width = (pen.width - (columns - 1) * between) / columns
  const key = drawLegend(pen, panels, 24)
  const top = 26 + key.height
  const axes = panels.map((panel) => axisOf(panel, [plotHeight - 4, 4]))
  // One for all, so that a time is at the same place in each.
  const room = Math.max(0, ...axes.map((axis) => fitLabels(axis, width).room))
  const drawn = panels.map((panel, index) => {
    const left = (index % columns) * (width + between)
    const start = top + Math.floor(index / columns) * panelHeight
    const area: Area = {
      left: left + room + 12,
      right: left + width - 10,
      top: start + lineTop,
      bottom: start + lineTop + plotHeight,
    }
    return drawPanel(pen, panel, { left, right: left + width, area, isLast: index + columns >= panels.length })
  })
  const more = series.length - panels.length
  const note = panels.length === 0 ? 'No series' : more > 0 ? `${more} more are not shown` : ''
  const bottom = Math.max(top, ...drawn.map((panel) => panel.bottom))
  return {
    height: bottom + (note ? 22 : 0),
    markup: [
      ...shadePatterns(pen, kindsOf(panels)),
      heading(pen, title),
      ...key.markup,
      ...drawn.flatMap(({ markup }) => markup),
      ...(note ? [label(pen, note, { x: 4, y: bottom + 14 })] : []),
    ],
  }
}

type Place = { left: number; right: number; area: Area; isLast: boolean }

/** A line below its name and its last value. The last of a column has the times. */
function drawPanel(
  pen: Pen,
  panel: ReadSeries,
  { left, right, area, isLast }: Place,
): { bottom: number; markup: string[] } {
  const last = panel.points.at(-1)
  const value = last ? formatValue(last.value, panel.unit, pen.zone) : 'no values'
  const valueRoom = Math.min(textWidth(value, fontSize), (right - left) / 2)
  const x = timeAxis(panel, pen.zone, { ...area, outer: [left, right] })
  const y = axisOf(panel, [area.bottom - 4, area.top + 4])
  const times = drawTimeTicks(pen, isLast ? x : { ticks: [] }, area)
  const name = fitText(panel.title, right - left - valueRoom - 24, fontSize)
  const markup = [
    label(pen, name, { x: left + 4, y: area.top - 8, role: 'text' }),
    label(pen, fitText(value, valueRoom + 1, fontSize), { x: right - 10, y: area.top - 8, anchor: 'end' }),
    ...drawValueTicks(pen, fitLabels(y, right - left), area),
    ...drawShades(pen, panel.shades, x, area),
    ...times.markup,
    ...drawForecast(pen, last, panel.forecast, { x, y }),
    ...drawLine(pen, panel, { x, y }, 1.5),
    ...panel.marks.map(({ at }) => drawDiamond(pen, x.position(at), area.bottom)),
  ]
  return { bottom: area.bottom + times.height, markup }
}
