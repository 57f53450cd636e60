import { bisector } from 'd3-array'
import { area, line } from 'd3-shape'
import { excerpt } from '#runtime/text/shorten.ts'
import type { TimeAxis, ValueAxis } from './axes.ts'
import {
  type Forecast,
  type Mark,
  type ReadSeries,
  type Shade,
  type ShadeKind,
  shadeKinds,
  type Valued,
} from './read-series.ts'
import { coordinate, element, escapeText, label, limits, type Pen } from './svg.ts'

/** Where a plot is, in pixels. */
export type Area = { left: number; right: number; top: number; bottom: number }
type Axes = { x: TimeAxis; y: ValueAxis }

/**
 * The points that a line needs to look as if all were drawn: of each column of pixels the first, the lowest, the
 * highest and the last. No spike is lost.
 */
export function thinRun(run: readonly Valued[], columnOf: (at: number) => number): readonly Valued[] {
  if (run.length < 5) return run
  const kept: Valued[] = []
  for (let start = 0; start < run.length;) {
    const column = columnOf((run[start] as Valued).at)
    let [end, low, high] = [start, start, start]
    while (end + 1 < run.length && columnOf((run[end + 1] as Valued).at) === column) {
      end++
      if ((run[end] as Valued).value < (run[low] as Valued).value) low = end
      if ((run[end] as Valued).value > (run[high] as Valued).value) high = end
    }
    const indexes = [...new Set([start, Math.min(low, high), Math.max(low, high), end])]
    kept.push(...indexes.map((index) => run[index] as Valued))
    start = end + 1
  }
  return kept
}

/** Runs between which a gap can be seen: not those that end and begin in one column of pixels. */
function joinRuns(runs: ReadSeries['runs'], columnOf: (at: number) => number): readonly (readonly Valued[])[] {
  const joined: Valued[][] = []
  for (const run of runs) {
    const [first, before] = [run[0], joined.at(-1)]
    const last = before?.at(-1)
    if (before && last && first && columnOf(last.at) === columnOf(first.at)) for (const point of run) before.push(point)
    else joined.push([...run])
  }
  return joined
}

/** The line of a series: a path for each run, a dot for a value that stands alone, a larger one for the last. */
export function drawLine(pen: Pen, { runs }: Pick<ReadSeries, 'runs'>, { x, y }: Axes, strokeWidth = 2): string[] {
  const toPath = line<Valued>(
    ({ at }) => x.position(at),
    ({ value }) => y.position(value),
  ).digits(1)
  const style = { fill: 'none', 'stroke-width': strokeWidth, 'stroke-linejoin': 'round', 'stroke-linecap': 'round' }
  const columnOf = (at: number) => Math.floor(x.position(at))
  const seen = joinRuns(runs, columnOf)
  const long = seen.filter((run) => run.length > 1).map((run) => toPath(thinRun(run, columnOf)) ?? '')
  const alone = seen.flatMap((run) => (run.length === 1 ? run : []))
  const last = runs.at(-1)?.at(-1)
  const dot = (point: Valued, r: number) =>
    element('circle', { ...pen.paint('point'), cx: x.position(point.at), cy: y.position(point.value), r })
  return [
    ...(long.length > 0 ? [element('path', { ...pen.paint('line'), ...style, d: long.join('') })] : []),
    ...alone.map((point) => dot(point, strokeWidth)),
    ...(last ? [dot(last, strokeWidth * 1.75)] : []),
  ]
}

/** The band of a forecast and its middle, which begin at the last value. */
export function drawForecast(pen: Pen, last: Valued | undefined, ahead: readonly Forecast[], { x, y }: Axes): string[] {
  const later = ahead.filter(({ at }) => at > (last?.at ?? -Infinity))
  if (later.length === 0) return []
  const all = last ? [{ ...last, low: last.value, high: last.value }, ...later] : later
  const middle = line<Forecast>(
    ({ at }) => x.position(at),
    ({ value }) => y.position(value),
  ).digits(1)
  const band = area<Forecast>(
    ({ at }) => x.position(at),
    ({ low }) => y.position(low),
    ({ high }) => y.position(high),
  ).digits(1)
  const edges = [band.lineY0()(all), band.lineY1()(all)].join('')
  return [
    element('path', { ...pen.paint('band'), d: band(all) ?? '' }),
    element('path', { ...pen.paint('edge'), fill: 'none', 'stroke-width': 1, d: edges }),
    element('path', {
      ...pen.paint('line'),
      fill: 'none',
      'stroke-width': 2,
      'stroke-dasharray': '2 4',
      d: middle(all) ?? '',
    }),
  ]
}

/** The patterns of shaded times, which differ by form. They are referred to by `shadeFill`. */
export function shadePatterns(pen: Pen, kinds: ReadonlySet<ShadeKind>): string[] {
  const stroke = { ...pen.paint('hatch'), fill: 'none', 'stroke-width': 1 }
  const forms: Record<ShadeKind, string> = {
    down: element('path', { ...stroke, d: 'M-1 1L1 -1M0 6L6 0M5 7L7 5' }),
    late: element('circle', { ...pen.paint('dots'), cx: 3, cy: 3, r: 0.9 }),
    suspect: element('path', { ...stroke, d: 'M0 3H6M3 0V6' }),
  }
  const patterns = shadeKinds
    .filter((kind) => kinds.has(kind))
    .map((kind) =>
      element('pattern', { id: pen.idOf(kind), width: 6, height: 6, patternUnits: 'userSpaceOnUse' }, forms[kind]),
    )
  return patterns.length > 0 ? [element('defs', {}, ...patterns)] : []
}
export const shadeFill = (pen: Pen, kind: ShadeKind) => `url(#${pen.idOf(kind)})`

/** Shaded times, each at least two pixels wide. */
export function drawShades(pen: Pen, shades: readonly Shade[], axis: TimeAxis, { right, top, bottom }: Area): string[] {
  return shadeKinds.flatMap((kind) => {
    let taken = -Infinity
    return shades
      .filter((shade) => shade.kind === kind)
      .flatMap((shade) => {
        const start = Math.max(taken, Math.min(axis.position(shade.from), right - 2))
        const end = Math.max(axis.position(shade.to), start + 2)
        if (axis.position(shade.to) <= taken) return []
        taken = end
        const [x, width] = [start, end - start]
        return [
          element('rect', { fill: shadeFill(pen, kind), ...sharp, x, y: top, width, height: bottom - top }),
          element('rect', { ...pen.paint('dots'), ...sharp, x, y: top, width, height: 2 }),
        ]
      })
  })
}

/** A diamond: the sign of news items. */
export function drawDiamond(pen: Pen, x: number, y: number, about: readonly string[] = []): string {
  const titles = about.length > 0 ? [element('title', {}, escapeText(about.join('; ')))] : []
  return element(
    'path',
    { ...pen.paint('mark'), d: `M${x.toFixed(1)} ${(y - 5).toFixed(1)}l5 5l-5 5l-5 -5z` },
    ...titles,
  )
}

const byTime = bisector<Valued, number>(({ at }) => at)

/**
 * News items as diamonds in the strip above the plot, where they hide no value. A ring is around the value that each is
 * about. Neighbours are one diamond.
 */
export function drawMarks(
  pen: Pen,
  { points, marks }: Pick<ReadSeries, 'points' | 'marks'>,
  { x, y }: Axes,
  { top, bottom }: Area,
): string[] {
  const groups: { at: number; marks: Mark[] }[] = []
  for (const mark of marks) {
    const [at, last] = [x.position(mark.at), groups.at(-1)]
    if (last && at - last.at < 12) last.marks.push(mark)
    else groups.push({ at, marks: [mark] })
  }
  return groups.flatMap(({ at, marks: some }) => {
    const [first] = some as [Mark]
    const texts = some.slice(0, limits.named).map(({ text }) => excerpt(text, limits.nameLength))
    const about = some.length > texts.length ? [...texts, `${some.length - texts.length} more`] : texts
    const point = some.length === 1 ? points[byTime.left(points, first.at)] : undefined
    const value = point?.at === first.at ? point.value : undefined
    const rule = {
      ...pen.paint('ring'),
      'stroke-width': 1,
      'stroke-dasharray': '1 3',
      x1: at,
      x2: at,
      y1: top,
      y2: bottom,
    }
    return [
      ...(groups.length <= 12 ? [element('line', rule)] : []),
      ...(value === undefined
        ? []
        : [
            element('circle', {
              ...pen.paint('ring'),
              fill: 'none',
              'stroke-width': 1.5,
              cx: at,
              cy: y.position(value),
              r: 6,
            }),
          ]),
      drawDiamond(pen, at, top - 14, about),
    ]
  })
}

/** Whole pixels for what is upright or level: no blurred lines, and less to compute in a PNG. */
const sharp = { 'shape-rendering': 'crispEdges' }

/** Lines across a plot with their labels at its left. */
export function drawValueTicks(
  pen: Pen,
  { ticks }: { ticks: readonly { at: number; label: string }[] },
  { left, right }: Area,
): string[] {
  const lines = ticks.map(({ at }) => `M${coordinate(left)} ${coordinate(at)}H${coordinate(right)}`)
  return [
    ...(lines.length > 0 ? [element('path', { ...pen.paint('grid'), ...sharp, fill: 'none', d: lines.join('') })] : []),
    ...ticks.map((tick) => label(pen, tick.label, { x: left - 8, y: tick.at + 4, anchor: 'end' })),
  ]
}

/** The line below a plot with its ticks, and how high they and their labels are. */
export function drawTimeTicks(
  pen: Pen,
  { ticks }: Pick<TimeAxis, 'ticks'>,
  { left, right, bottom }: Area,
): { height: number; markup: string[] } {
  const lines = [
    `M${coordinate(left)} ${coordinate(bottom)}H${coordinate(right)}`,
    ...ticks.map(({ at }) => `M${coordinate(at)} ${coordinate(bottom)}v4`),
  ]
  const labels = ticks.flatMap(({ label: own, below }) => [
    label(pen, own.text, { x: own.at, y: bottom + 18, anchor: 'middle' }),
    ...(below ? [label(pen, below.text, { x: below.at, y: bottom + 33, anchor: 'middle' })] : []),
  ])
  const height = ticks.length === 0 ? 0 : ticks.some(({ below }) => below) ? 40 : 24
  return {
    height,
    markup: [element('path', { ...pen.paint('axis'), ...sharp, fill: 'none', d: lines.join('') }), ...labels],
  }
}
