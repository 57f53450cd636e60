import { textWidth } from './fit-text.ts'
import { drawDiamond, shadeFill } from './plot.ts'
import { type ReadSeries, type ShadeKind, shadeKinds } from './read-series.ts'
import { element, fontSize, label, type Pen } from './svg.ts'

const lineHeight = 18

/** A sign and what it means. */
type Entry = { text: string; draw(pen: Pen, x: number, y: number): string }

const shadeTexts: Record<ShadeKind, string> = { down: 'source down', late: 'data late', suspect: 'data suspect' }

/** What the series show beside plain lines. */
function entriesOf(series: readonly Pick<ReadSeries, 'marks' | 'forecast' | 'shades' | 'gaps'>[]): Entry[] {
  const kinds = kindsOf(series)
  return [
    ...(series.some(({ marks }) => marks.length > 0)
      ? [{ text: 'news item', draw: (pen: Pen, x: number, y: number) => drawDiamond(pen, x + 8, y - 4) }]
      : []),
    ...(series.some(({ forecast }) => forecast.length > 0)
      ? [{ text: 'forecast: 8 of 10 values', draw: drawBandSign }]
      : []),
    ...shadeKinds
      .filter((kind) => kinds.has(kind))
      .map((kind) => ({
        text: shadeTexts[kind],
        draw: (pen: Pen, x: number, y: number) =>
          element('rect', { fill: shadeFill(pen, kind), x, y: y - 10, width: 16, height: 12 }),
      })),
    ...(series.some(({ gaps }) => gaps.length > 0) ? [{ text: 'no values', draw: drawGapSign }] : []),
  ]
}

function drawBandSign(pen: Pen, x: number, y: number): string {
  const band = element('rect', { ...pen.paint('band'), x, y: y - 10, width: 16, height: 12 })
  const edges = { ...pen.paint('edge'), fill: 'none', d: `M${x} ${y - 10}h16m-16 12h16` }
  return band + element('path', edges)
}

function drawGapSign(pen: Pen, x: number, y: number): string {
  return element('path', { ...pen.paint('line'), fill: 'none', 'stroke-width': 2, d: `M${x} ${y - 4}h4m8 0h4` })
}

/** What the signs in a picture of these series mean, in as many lines as they need. */
export function drawLegend(
  pen: Pen,
  series: readonly Pick<ReadSeries, 'marks' | 'forecast' | 'shades' | 'gaps'>[],
  top: number,
): { height: number; markup: string[] } {
  const entries = entriesOf(series)
  if (entries.length === 0) return { height: 0, markup: [] }
  let [x, line] = [4, 0]
  const markup = entries.flatMap(({ text, draw }) => {
    const width = 22 + textWidth(text, fontSize)
    if (x > 4 && x + width > pen.width - 4) [x, line] = [4, line + 1]
    const y = top + 12 + line * lineHeight
    const [sign, said] = [draw(pen, Math.round(x), y), label(pen, text, { x: Math.round(x) + 22, y })]
    x += width + 16
    return [sign, said]
  })
  return { height: (line + 1) * lineHeight + 4, markup }
}

/** The kinds of shaded times. */
export function kindsOf(series: readonly Pick<ReadSeries, 'shades'>[]): Set<ShadeKind> {
  return new Set(series.flatMap(({ shades }) => shades.map(({ kind }) => kind)))
}
