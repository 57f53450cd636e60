import { describe, expect, it } from 'vitest'
import { readSeries, type Series } from './read-series.ts'

const day = 24 * 3600_000
const series = (values: readonly (number | null)[], rest: Partial<Series> = {}): Series => ({
  title: 'stars',
  points: values.map((value, index) => ({ at: index * day, value })),
  ...rest,
})

describe('what is refused', () => {
  it.each([
    ['NaN', series([1, NaN]), 'the value of 1970-01-02T00:00:00.000Z is NaN'],
    ['Infinity', series([-Infinity]), 'the value of 1970-01-01T00:00:00.000Z is -Infinity'],
    ['a time that is none', { title: '', points: [{ at: NaN, value: 1 }] }, 'NaN is no time'],
    ['a time of microseconds', { title: '', points: [{ at: 1.7e15, value: 1 }] }, '1700000000000000 is no time'],
    ['a mark without a time', series([1], { marks: [{ at: NaN, text: '' }] }), 'NaN is no time'],
    [
      'a shade without an end',
      series([1], { shades: [{ from: 0, to: Infinity, kind: 'down' }] }),
      'Infinity is no time',
    ],
    ['a forecast without a number', series([1], { forecast: [{ at: day, value: NaN, low: 0, high: 1 }] }), 'is NaN'],
    [
      'a band upside down',
      series([1], { forecast: [{ at: day, value: 1, low: 2, high: 0 }] }),
      'its low above its high',
    ],
    ['a date that is none', series([1e18], { unit: 'date' }), '1000000000000000000 is no time'],
    ['an end before the beginning', series([1], { from: day, to: 0 }), 'ends before it begins'],
  ])('%s', (_what, given, message) => {
    expect(() => readSeries(given)).toThrow(message)
    expect(() => readSeries(given)).toThrow(RangeError)
  })
})

describe('order', () => {
  it('is that of time, and of several values at one time the last counts', () => {
    const points = [3, 1, 2, 1].map((at, index) => ({ at: at * day, value: index }))
    expect(readSeries({ title: '', points }).points).toEqual([
      { at: day, value: 3 },
      { at: 2 * day, value: 2 },
      { at: 3 * day, value: 0 },
    ])
    expect(points.map(({ at }) => at / day)).toEqual([3, 1, 2, 1])
  })

  it('a null at the time of a value takes it away', () => {
    const points = [
      { at: 0, value: 1 },
      { at: day, value: 2 },
      { at: day, value: null },
      { at: 2 * day, value: 3 },
    ]
    expect(readSeries({ title: '', points }).gaps).toEqual([{ from: 0, to: 2 * day }])
  })
})

describe('gaps', () => {
  const weekly = (...weeks: number[]) => ({
    title: '',
    points: weeks.map((week) => ({ at: week * 7 * day, value: week })),
  })

  it('are where values are null', () => {
    const { runs, gaps } = readSeries(series([null, 1, 2, null, null, 3, null]))
    expect(runs.map((run) => run.map(({ value }) => value))).toEqual([[1, 2], [3]])
    expect(gaps).toEqual([{ from: 2 * day, to: 5 * day }])
  })

  it('are where values are further apart than usual', () => {
    expect(readSeries(weekly(0, 1, 2, 3, 4, 9, 10)).gaps).toEqual([{ from: 28 * day, to: 63 * day }])
    expect(readSeries(weekly(0, 1, 2, 3, 4, 7, 8)).gaps).toEqual([])
    // Releases come when they come.
    expect(readSeries(weekly(0, 1, 5, 6, 14, 15, 20, 29)).gaps).toEqual([])
    expect(readSeries(weekly(0, 1, 20)).gaps).toEqual([])
  })

  it('are where the caller says', () => {
    expect(readSeries({ ...weekly(0, 1, 3), gapMs: 10 * day }).gaps).toEqual([{ from: 7 * day, to: 21 * day }])
  })
})

describe('the times shown', () => {
  it('are those of values and forecast, and of one value its day', () => {
    expect(readSeries(series([1, 2], { forecast: [{ at: 5 * day, value: 1, low: 1, high: 1 }] }))).toMatchObject({
      from: 0,
      to: 5 * day,
    })
    expect(readSeries(series([1]))).toMatchObject({ from: -day / 2, to: day / 2 })
  })

  it('leave out what is before and after', () => {
    const marks = [0, 3].map((at) => ({ at: at * day, text: '' }))
    const read = readSeries(
      series([1, 2, 3, 4], { from: day, to: 2 * day, marks, shades: [{ from: 0, to: 9 * day, kind: 'late' }] }),
    )
    expect(read.points.map(({ value }) => value)).toEqual([2, 3])
    expect(read.marks).toEqual([])
    expect(read.shades).toEqual([{ from: day, to: 2 * day, kind: 'late' }])
  })

  it('shaded twice are shaded once', () => {
    const shades = [
      { from: 2 * day, to: 3 * day, kind: 'down' },
      { from: day, to: 2 * day, kind: 'down' },
      { from: 2 * day, to: 4 * day, kind: 'late' },
    ] as const
    expect(readSeries(series([1, 2, 3, 4, 5, 6], { shades })).shades).toEqual([
      { from: day, to: 3 * day, kind: 'down' },
      { from: 2 * day, to: 4 * day, kind: 'late' },
    ])
  })
})
