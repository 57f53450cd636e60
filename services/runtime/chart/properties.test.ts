import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { findFaults, readPicture } from '../../../test/harness/picture.ts'
import { describeChart } from './describe-chart.ts'
import { drawBars } from './draw-bars.ts'
import { drawLineChart } from './draw-line.ts'
import { drawMultiples, drawSparkline } from './draw-small.ts'
import { formatValue } from './format-value.ts'
import { readSeries, type Series, shadeKinds } from './read-series.ts'
import type { Look } from './svg.ts'

const time = fc.oneof(
  fc.integer({ min: Date.UTC(2020, 0), max: Date.UTC(2027, 0) }),
  fc.integer({ min: Date.UTC(1000, 0, 2), max: Date.UTC(9999, 10) }),
  fc.constantFrom(0, 1, 2, Date.UTC(2026, 2, 29, 1), Date.UTC(2026, 9, 25, 0, 30)),
)
const value = fc.oneof(
  fc.integer({ min: -1000, max: 1e6 }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(0, -0, 1e15, 1e-9, Number.MAX_VALUE, -Number.MAX_VALUE, Number.MIN_VALUE, 1e15 + 1),
)
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ maxLength: 40 }).map((part) => `<script>"${part}" & </title>`),
  fc.constantFrom('', 'x'.repeat(10_000), 'שלום עולם', '\u0000\uffff]]>', '👩‍👩‍👧'.repeat(100)),
)
const series: fc.Arbitrary<Series> = fc.record(
  {
    title: text,
    unit: fc.constantFrom('number', 'percent', 'bytes'),
    points: fc.array(fc.record({ at: time, value: fc.option(value, { freq: 8 }) }), { maxLength: 40 }),
    forecast: fc.array(
      fc.tuple(time, fc.tuple(value, value, value)).map(([at, numbers]) => {
        const [low = 0, middle = 0, high = 0] = numbers.toSorted((a, b) => a - b)
        return { at, value: middle, low, high }
      }),
      { maxLength: 4 },
    ),
    marks: fc.array(fc.record({ at: time, text }), { maxLength: 30 }),
    shades: fc.array(
      fc
        .record({ from: time, to: time, kind: fc.constantFrom(...shadeKinds) })
        .map(({ from, to, kind }) => ({ from: Math.min(from, to), to: Math.max(from, to), kind })),
      { maxLength: 10 },
    ),
    gapMs: fc.integer({ min: 1, max: 1e12 }),
  },
  { requiredKeys: ['title', 'points'] },
)
const look: fc.Arbitrary<Look> = fc.record(
  {
    width: fc.integer({ min: 240, max: 2000 }),
    theme: fc.constantFrom('light', 'dark', 'file', 'page'),
    zone: fc.constantFrom('UTC', 'Europe/Berlin', 'America/St_Johns', 'Pacific/Apia', 'Australia/Lord_Howe'),
  },
  { requiredKeys: [] },
)

describe('any series', () => {
  it('is a picture of well-formed XML whose every part is inside it', () => {
    fc.assert(
      fc.property(series, look, (one, how) => {
        expect(findFaults(drawLineChart(one, how))).toEqual([])
        expect(findFaults(drawSparkline(one, how))).toEqual([])
        expect(drawLineChart(one, how)).toBe(drawLineChart(structuredClone(one), how))
      }),
      { numRuns: 150 },
    )
  })

  it('of dates has an axis of dates', () => {
    const dated = fc.array(fc.record({ at: time, value: time }), { minLength: 1, maxLength: 20 })
    fc.assert(
      fc.property(dated, look, (points, how) => {
        const picture = drawLineChart({ title: 'last release', unit: 'date', points }, how)
        expect(findFaults(picture)).toEqual([])
        const last = readSeries({ title: '', points }).points.at(-1)?.value ?? 0
        expect(picture).toContain(formatValue(last, 'date', how.zone ?? 'UTC'))
      }),
      { numRuns: 50 },
    )
  })

  it('fits on one time axis with any others', () => {
    fc.assert(
      fc.property(fc.array(series, { maxLength: 6 }), text, look, (some, title, how) => {
        expect(findFaults(drawMultiples({ title, series: some }, how))).toEqual([])
      }),
      { numRuns: 50 },
    )
  })

  it('is described with its own numbers', () => {
    fc.assert(
      fc.property(series, (one) => {
        const { points, marks, gaps, unit } = readSeries(one)
        const { description } = describeChart(one)
        if (points.length === 0) return void expect(description).toMatch(/^No values\./)
        const values = points.map((point) => point.value)
        const said = (number: number) => formatValue(number, unit, 'UTC')
        expect(description).toContain(said(values.at(-1) as number))
        if (points.length > 1 && Math.min(...values) < Math.max(...values)) {
          expect(description).toContain(`${points.length} values from`)
          expect(description).toContain(`Highest ${said(Math.max(...values))} on `)
          expect(description).toContain(`lowest ${said(Math.min(...values))} on `)
        }
        expect(description.includes(' without values: ')).toBe(gaps.length > 0)
        if (marks.length > 0) expect(description).toContain(`${marks.length} news item${marks.length === 1 ? '' : 's'}`)
        expect(description).not.toMatch(/NaN|Infinity|undefined/)
      }),
      { numRuns: 400 },
    )
  })

  it('shows every value that it keeps, and no other', () => {
    fc.assert(
      fc.property(series, ({ points, ...rest }) => {
        const read = readSeries({ ...rest, points })
        const given = new Map(points.map((point) => [point.at, point.value]))
        expect(read.points).toEqual(
          [...given]
            .filter(([, number]) => number !== null)
            .map(([at, number]) => ({ at, value: number }))
            .sort((a, b) => a.at - b.at),
        )
        expect(read.runs.flat()).toEqual(read.points)
        expect(read.gaps).toHaveLength(Math.max(0, read.runs.length - 1))
      }),
    )
  })
})

it('any items are bars inside their picture', () => {
  const items = fc.array(fc.record({ name: text, value }), { maxLength: 40 })
  fc.assert(
    fc.property(text, items, fc.integer({ min: 0, max: 100 }), look, (title, some, most, how) => {
      expect(findFaults(drawBars({ title, items: some, most }, how))).toEqual([])
    }),
    { numRuns: 200 },
  )
})

it('markup in any field is text', () => {
  const markup = '<script>alert(1)</script><a href="javascript:x" onload=\'y\'>&amp;]]>'
  const one: Series = {
    title: markup,
    points: [
      { at: 0, value: 1 },
      { at: 1e9, value: 2 },
    ],
    marks: [{ at: 0, text: markup }],
  }
  const pictures = [
    drawLineChart(one),
    drawSparkline(one),
    drawMultiples({ title: markup, series: [one] }),
    drawBars({ title: markup, items: [{ name: markup, value: 1 }] }),
  ]
  for (const picture of pictures) {
    const nodes = readPicture(picture)
    expect(nodes.map(({ name }) => name)).not.toContain('script')
    expect(
      nodes.flatMap(({ attributes }) => Object.keys(attributes)).filter((name) => /^(on|style|href)/.test(name)),
    ).toEqual([])
    expect(nodes.some((node) => node.text.includes('<script>alert(1)'))).toBe(true)
  }
})
