import { expect, test } from 'vitest'
import { boost } from './boost.ts'
import { scoreForecasts } from './forecast-score.ts'
import { makeCases } from './inject.ts'
import { makeSeries } from './make-series.ts'
import { makeTelemetry } from './make-telemetry.ts'
import { plainForecasts } from './plain-forecasts.ts'
import { scoreNab } from './nab-score.ts'
import { seeded } from './random.ts'
import { findChanges, findThreshold } from './score.ts'
import { varySeries } from './vary.ts'
import { flattenTrees, sumTrees } from '../../services/analyzer/signals/score.ts'

test('series, changes and bad crawls are the same in every run, and of another seed others', () => {
  const make = (seed: number) => makeCases(makeSeries(3), seeded(seed))
  expect(make(1)).toEqual(make(1))
  expect(make(1)).not.toEqual(make(2))
})

test('varied series are as long as they must be, the same in every run, and of the same companies', () => {
  const series = makeSeries(3).filter(({ family }) => family === 'counter')
  const varied = varySeries(series, seeded(5))
  expect(varied).toEqual(varySeries(series, seeded(5)))
  expect(varied.length).toBeGreaterThan(0.5 * series.length)
  const companies = new Set(series.map(({ company }) => company))
  for (const { company, times, values } of varied) {
    expect(companies.has(company)).toBe(true)
    expect(values.length).toBe(times.length)
    expect(values.length).toBeGreaterThanOrEqual(60)
    expect(Math.min(...values)).toBeGreaterThanOrEqual(0)
  }
})

test('the windows of made telemetry lie within it, and differ by seed', () => {
  const made = makeTelemetry(3)
  expect(made).toEqual(makeTelemetry(3))
  expect(made).not.toEqual(makeTelemetry(4))
  for (const { values, windows } of made)
    for (const [from, to] of windows) expect(from > 0 && from < to && to < values.length).toBe(true)
})

test('a change begins at its point and alters it', () => {
  const before = makeSeries(3)
  for (const { series, times, values, change } of makeCases(before, seeded(5)))
    if (change) {
      const at = series.times.indexOf(times[change.at]!)
      expect(values[change.at]).not.toBe(series.values[at])
      expect(change.at).toBeGreaterThan(10)
    }
})

test('a threshold lets no more false ones through than allowed, and finds within two points', () => {
  const series = { family: 'f', company: 'c', name: 'n', kind: 'level' as const, times: [], values: [] }
  const change = { kind: 'spike' as const, size: 0, at: 2 }
  const scores = [0.9, 0.1, 0.2, 0.3, 0.5, 0.8, 0.4]
  const scored = [{ case: { series, times: scores, values: scores, change }, scores }]
  expect(findThreshold(scored, 0)).toBe(0.9)
  expect(findThreshold(scored, 2)).toBe(0.4)
  expect(findChanges(scored, 0.4)).toEqual({ found: 1, of: 1 })
  expect(findChanges(scored, 0.5)).toEqual({ found: 0, of: 1 })
})

test('trees learn what separates rows, and come out the same again', () => {
  const random = seeded(4)
  const rows = Array.from({ length: 4000 }, () => Float64Array.from([random.next(), random.next(), random.next()]))
  const labels = rows.map(([a, b]) => (a! > 0.7 && b! < 0.4 ? 1 : 0))
  const table = { features: ['a', 'b', 'c'], rows, labels, weights: labels.map(() => 1) }
  const settings = { trees: 30, leaves: 4, rate: 0.3, leastCurvature: 1, ridge: 1, rowShare: 0.8, featureShare: 1 }
  const trees = boost(table, settings)
  expect(boost(table, settings)).toEqual(trees)
  const right = rows.filter((row, i) => sumTrees(flattenTrees(trees), row) > 0 === (labels[i] === 1))
  expect(right.length / rows.length).toBeGreaterThan(0.97)
})

const quiet = (length: number) => new Array<number>(length).fill(0)
const told = (length: number, ...at: number[]) => quiet(length).map((_, i) => (at.includes(i) ? 1 - i / 1000 : 0))
test.each([
  ['nothing found', quiet(100), [[50, 59]], 0],
  ['the left edge', told(100, 50), [[50, 59]], 100],
  ['the left edge, and more of the window', told(100, 50, 53, 59), [[50, 59]], 100],
  ['the right edge', told(100, 59), [[50, 59]], 50],
  ['what does not count yet', told(100, 3), [[50, 59]], 0],
  [
    'one of two windows',
    told(100, 50),
    [
      [50, 59],
      [80, 89],
    ],
    50,
  ],
] as [string, number[], [number, number][], number][])('scores %s', (_, scores, windows, expected) => {
  const { score } = scoreNab([{ name: 'a', scores, windows }])
  expect(Math.abs(score - expected)).toBeLessThan(1)
})

test('a detection far outside costs 0.11 of a window', () => {
  const scores = told(100, 30, 50)
  const { score } = scoreNab([{ name: 'a', scores, windows: [[50, 59]] }])
  expect(score).toBeCloseTo(100 - (100 * 0.11) / 2, 5)
})

const seriesOf = (values: number[]) => ({
  ...{ family: 'f', company: 'c', name: 'n', kind: 'level' as const },
  times: values.map((_, i) => i),
  values,
})
const line = seriesOf(Array.from({ length: 60 }, (_, i) => 5 * i))

test('errors of forecasts are counted in mean changes, and values outside of a band ten times', () => {
  const follow = (_: readonly number[], values: readonly number[]) =>
    values.map((value, i) => ({ value: value - 10, low: value - 10, high: i % 2 ? value + 10 : value - 5 }))
  expect(scoreForecasts([line, seriesOf(line.values.map(() => 7))], follow, 1)).toEqual({
    ...{ error: 2, held: 0.5, series: 1 },
    interval: (20 / 5 + 5 / 5 + 10) / 2,
  })
})

test.each([
  ['last value', 1, 5],
  ['last value', 4, 20],
  ['drift', 4, 0],
  ['last value + median growth of 26', 4, 0],
])('%s at a line is off by what it should, at %i', (name, steps, missedBy) => {
  const outlooks = plainForecasts[name]!(line.times, line.values, steps)
  for (const [i, value] of line.values.entries()) if (i >= 10) expect(value - outlooks[i]!.value).toBeCloseTo(missedBy)
})

test('Theta follows a level, and half of the slope', () => {
  const level = plainForecasts.Theta!(
    [],
    line.values.map((_, i) => (i < 10 ? 0 : 100)),
    1,
  )
  expect(Math.abs(level[59]!.value - 100)).toBeLessThan(3)
  expect(plainForecasts.Theta!([], line.values, 4)[59]!.value).toBeCloseTo(line.values[55]! + 4 * 2.5)
})

test('no outlook knows what comes after it', () => {
  const changed = line.values.map((value, i) => (i >= 40 ? -value : value))
  for (const follow of Object.values(plainForecasts))
    expect(follow([], changed, 4).slice(0, 44)).toEqual(follow([], line.values, 4).slice(0, 44))
})
