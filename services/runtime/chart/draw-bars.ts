import { formatCount } from '#runtime/text/format.ts'
import { excerpt } from '#runtime/text/shorten.ts'
import { fitText, textWidth } from './fit-text.ts'
import { formatValue } from './format-value.ts'
import type { Unit } from './read-series.ts'
import { type Alternative, drawPicture, element, fontSize, heading, label, type Look, type Pen, limits } from './svg.ts'

/** Items of a list with a number each, such as repositories with their stars. */
export type Bars = {
  title: string
  unit?: Exclude<Unit, 'date'>
  items: readonly { name: string; value: number }[]
  /** How many have a bar of their own; the others are summed. 10 unless told, at most `limits.bars`. */
  most?: number
  /** Smaller items that are not among `items`: how many, and the sum of their numbers. */
  others?: { count: number; sum: number }
}
type Row = { name: string; value: number; isRest: boolean }

/** Bars of the largest items, and one for the sum of the others. Throws a RangeError for a value that is no number. */
export function drawBars(bars: Bars, look: Look = {}): string {
  const rows = pickRows(bars)
  return drawPicture(look, describeBars(bars), (pen) => drawRows(pen, bars, rows))
}

/** The largest items, with their numbers. */
export function describeBars(bars: Bars): Alternative {
  const { title, items, unit = 'number', others } = bars
  const rows = pickRows(bars)
  const said = rows.map(
    ({ name, value }) => `${excerpt(name, limits.nameLength) || 'unnamed'} ${formatValue(value, unit, 'UTC')}`,
  )
  return {
    title: excerpt(title, limits.titleLength) || 'Items',
    description:
      rows.length === 0
        ? 'No items.'
        : `${formatCount(items.length + (others?.count ?? 0), 'item')}: ${said.join('; ')}.`,
  }
}

/** The items with the largest values, negative ones by their size. */
function pickRows({ items, most = 10, others = { count: 0, sum: 0 } }: Bars): Row[] {
  const wrong = items.find(({ value }) => !Number.isFinite(value))
  if (wrong) throw new RangeError(`the value of ${excerpt(wrong.name, limits.nameLength)} is ${wrong.value}`)
  const count = Math.max(1, Math.min(most, limits.bars))
  const ranked = items.toSorted((a, b) => Math.abs(b.value) - Math.abs(a.value))
  const rows = ranked.slice(0, count).map(({ name, value }) => ({ name, value, isRest: false }))
  const rest = ranked.slice(count)
  const number = rest.length + others.count
  if (number === 0) return rows
  const sum = rest.reduce((total, { value }) => total + value, others.sum)
  // A sum may be too large for a number.
  const value = Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, sum))
  return [
    ...rows,
    {
      name: `${number.toLocaleString('en-US')} ${number === 1 ? 'other' : 'others together'}`,
      value,
      isRest: true,
    },
  ]
}

const barHeight = 12

function drawRows(
  pen: Pen,
  { title, unit = 'number' }: Bars,
  rows: readonly Row[],
): { height: number; markup: string[] } {
  const isWide = pen.width >= 480
  const values = rows.map(({ value }) => formatValue(value, unit, 'UTC'))
  const valueRoom = Math.ceil(Math.max(0, ...values.map((text) => textWidth(text, fontSize))))
  const widest = Math.max(0, ...rows.map(({ name }) => textWidth(name.slice(0, 200), fontSize)))
  const nameRoom = isWide ? Math.ceil(Math.min(widest, pen.width * 0.4)) : pen.width - valueRoom - 20
  const [left, right] = [isWide ? nameRoom + 12 : 4, pen.width - (isWide ? valueRoom + 12 : 4)]
  const position = scaleOf(rows, left, right)
  const step = isWide ? 22 : 36
  const top = 30
  const markup = rows.flatMap((row, index) => {
    const y = top + index * step
    const [from, to] = [position(Math.min(0, row.value)), position(Math.max(0, row.value))]
    const bar = { x: from, y: y + (isWide ? 3 : 19), width: Math.max(1, to - from), height: barHeight }
    return [
      label(pen, fitText(row.name, nameRoom + 1, fontSize), { x: 4, y: y + 13, role: 'text' }),
      label(pen, values[index] ?? '', { x: pen.width - 4, y: y + 13, anchor: 'end' }),
      element('rect', { ...pen.paint(row.isRest ? 'others' : 'point'), ...bar }),
    ]
  })
  const height = top + Math.max(1, rows.length) * step + 4
  const zero = { x1: position(0), x2: position(0), y1: top, y2: height - 4 }
  return {
    height,
    markup: [
      heading(pen, title),
      ...(rows.length === 0 ? [label(pen, 'No items', { x: 4, y: top + 13 })] : markup),
      ...(rows.length > 0 && isWide ? [element('line', { ...pen.paint('axis'), ...zero })] : []),
    ],
  }
}

/** From zero, in both directions if there are negative values. */
function scaleOf(rows: readonly Row[], left: number, right: number): (value: number) => number {
  const largest = Math.max(...rows.map(({ value }) => Math.abs(value)), Number.MIN_VALUE)
  const shares = rows.map(({ value }) => value / largest)
  const [low, high] = [Math.min(0, ...shares), Math.max(0, ...shares)]
  const span = high - low || 1
  return (value) => left + ((value / largest - low) / span) * (right - left)
}
