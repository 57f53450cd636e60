import { line } from 'd3-shape'
import { axisOf } from './draw-small.ts'
import { thinRun } from './plot.ts'
import { type Point, readSeries, type Span, type Valued } from './read-series.ts'
import { element, roles } from './svg.ts'

const [width, height, margin] = [96, 24, 3] as const

/**
 * A line without axes for a cell of a table that says its numbers as text: of a few hundred bytes, on a page with
 * `chartStyle`, and not there for screen readers. `span`: the times at its left and right. Nothing without two values.
 * Throws as `readSeries` does.
 */
export function drawSpark(points: readonly Point[], span: Span): string {
  const { points: shown, runs, ...read } = readSeries({ title: '', points, ...span })
  if (shown.length < 2) return ''
  const y = axisOf({ points: shown, forecast: [], unit: 'number' }, [height - margin, margin])
  const x = (at: number) => margin + ((at - read.from) / (read.to - read.from)) * (width - 2 * margin)
  const toPath = line<Valued>(
    ({ at }) => x(at),
    ({ value }) => y.position(value),
  ).digits(1)
  // A value that stands alone is a dot: a line of no length with a round end.
  const d = runs.map((run) => `${toPath(thinRun(run, (at) => Math.floor(x(at) / 2)))}${run.length === 1 ? 'h0' : ''}`)
  const path = element('path', { class: 'chart-line', stroke: roles.line.light, fill: 'none', d: d.join('') })
  return element(
    'svg',
    { class: 'spark', width, height, viewBox: `0 0 ${width} ${height}`, 'aria-hidden': 'true' },
    path,
  )
}
