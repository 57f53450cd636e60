import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Forecast, type ForecastState, learnValue, readForecasts, startForecasts } from './forecast.ts'

// The same cases in each run.
fc.configureGlobal({ seed: 1 })

const day = 86_400_000
const week = 7 * day
type Point = [time: number, value: number]

function follow(points: readonly Point[], horizons = [1, 4]): ForecastState {
  return points.reduce((state, [time, value]) => learnValue(state, time, value), startForecasts(horizons))
}

function forecastAfter(values: readonly number[], step = week): Forecast[] {
  return readForecasts(follow(values.map((value, index) => [index * step, value])))
}

/** Also far from each other, in bursts and with holes. */
const gap = fc.oneof(
  fc.integer({ min: 0, max: 20 }).map((days) => days * day),
  fc.constantFrom(0, 1, 1000, week, 400 * day),
)
const extreme = fc.constantFrom(0, 1e308, -1e308, 5e-324, Number.MAX_VALUE, -Number.MAX_VALUE, 1e150, 1e151, -0)
const anyNumber = fc.oneof(fc.integer({ min: -1000, max: 1000 }), fc.double({ noNaN: true, noDefaultInfinity: true }))
const pointsOf = (value: fc.Arbitrary<number>, most: number) =>
  fc.array(fc.tuple(gap, value), { minLength: 1, maxLength: most }).map((list): Point[] => {
    let time = 0
    return list.map(([after, one]) => [(time += after), one])
  })
const anyPoints = pointsOf(fc.oneof({ weight: 4, arbitrary: anyNumber }, extreme), 80)

describe('whatever the series', () => {
  test('forecasts are numbers within their bands', () => {
    fc.assert(
      fc.property(anyPoints, (points) => {
        for (const { value, low, high, error } of readForecasts(follow(points))) {
          expect(value).toSatisfy(Number.isFinite)
          expect(low === null).toBe(high === null)
          if (low !== null && high !== null) {
            expect([low, high].every(Number.isFinite)).toBe(true)
            expect(low <= value && value <= high).toBe(true)
          }
          if (error !== null) expect(error >= 0 && Number.isFinite(error)).toBe(true)
        }
      }),
      { numRuns: 300 },
    )
  })

  test('the state stays JSON, below 8 KB, and means the same when it is read again', () => {
    fc.assert(
      fc.property(anyPoints, (points) => {
        const text = JSON.stringify(follow(points))
        expect(text.length).toBeLessThan(8192)
        const read = JSON.parse(text) as ForecastState
        expect(learnValue(read, 1e13, 3)).toEqual(learnValue(follow(points), 1e13, 3))
      }),
      { numRuns: 100 },
    )
  })

  test('the same values give the same forecasts, and a state is never changed', () => {
    fc.assert(
      fc.property(anyPoints, (points) => {
        const state = follow(points)
        const text = JSON.stringify(state)
        learnValue(state, 1e13, 7)
        expect(JSON.stringify(state)).toBe(text)
        expect(JSON.stringify(follow(points))).toBe(text)
      }),
      { numRuns: 50 },
    )
  })

  test('counts have no negative and no broken forecasts', () => {
    fc.assert(
      fc.property(pointsOf(fc.integer({ min: 0, max: 50 }), 60), (points) => {
        for (const { value, low, high } of readForecasts(follow(points)))
          for (const one of [value, low ?? 0, high ?? 0]) expect(Number.isInteger(one) && one >= 0).toBe(true)
      }),
      { numRuns: 200 },
    )
  })
})

test('a long series of long numbers stays below 8 KB', () => {
  const points = Array.from({ length: 400 }, (_, i): Point => [
    1.7e12 + i * week + i,
    -1e5 * Math.sin(i) * 1.1 ** (i % 90),
  ])
  expect(JSON.stringify(follow(points)).length).toBeLessThan(8192)
  const daily = points.map(([, value], i): Point => [1.7e12 + i * day, 1 + Math.abs(value)])
  expect(JSON.stringify(follow(daily)).length).toBeLessThan(8192)
})

test('values of after do not change a forecast', () => {
  const points = Array.from({ length: 150 }, (_, i): Point => [i * week, Math.round(50 + 20 * Math.sin(i / 3) + i)])
  const before = follow(points.slice(0, 100))
  const others = points.slice(100).map(([time, value]): Point => [time * 2, value * 1000])
  follow([...points.slice(0, 100), ...others])
  expect(readForecasts(before)).toEqual(readForecasts(follow(points.slice(0, 100))))
})

describe('at the start', () => {
  test('there is no forecast before the first value', () => expect(readForecasts(startForecasts([1, 4]))).toEqual([]))

  test('one and two values are followed by the last and by its growth', () => {
    expect(forecastAfter([7])).toMatchObject([
      { steps: 1, value: 7, low: null, high: null, error: null },
      { steps: 4, value: 7 },
    ])
    for (const { value } of forecastAfter([7, 9])) expect(value).toBeGreaterThanOrEqual(9)
  })
})

describe('known series', () => {
  test('a constant stays', () => {
    for (const one of forecastAfter(new Array<number>(40).fill(12)))
      expect(one).toMatchObject({ value: 12, low: 12, high: 12, error: 0 })
  })

  test('a line goes on', () => {
    const [next, later] = forecastAfter(Array.from({ length: 40 }, (_, i) => 100 + 5 * i))
    expect(next).toMatchObject({ value: 300, low: 300 })
    expect(later).toMatchObject({ value: 315 })
  })

  test.each([12, 52])('a season of %i comes again', (period) => {
    const wave = (i: number) =>
      Math.round(1000 + 300 * Math.sin((2 * Math.PI * i) / period) + (i % period === 3 ? 400 : 0))
    const length = 2 * period + 20
    const forecasts = forecastAfter(Array.from({ length }, (_, i) => wave(i)))
    for (const { steps, value } of forecasts)
      expect(Math.abs(value - wave(length - 1 + steps)), `${steps} steps`).toBeLessThan(20)
  })

  test('a hole is growth over its time, not a jump', () => {
    const times = Array.from({ length: 60 }, (_, i) => i * week).filter((_, i) => i < 40 || i > 52)
    const [next] = readForecasts(follow(times.map((time) => [time, (time / week) * 10])))
    expect(next?.value).toBe(600)
  })

  test.each([1, 4])('the band holds about 8 of 10 values at %i steps', (steps) => {
    let state = startForecasts([steps])
    const made: Forecast[] = []
    let [random, sum, inside, all] = [1, 0, 0, 0]
    for (let i = 0; i < 600; i++) {
      random = (random * 48271) % 2147483647
      sum += (random / 2147483647) * 20
      const due = made[i - steps]
      if (i > 50 && due?.low != null) {
        all++
        if (sum >= due.low && sum <= due.high!) inside++
      }
      state = learnValue(state, i * week, sum)
      made.push(...readForecasts(state))
    }
    expect(all).toBeGreaterThan(500)
    expect(inside / all).toBeGreaterThan(0.75)
    expect(inside / all).toBeLessThan(0.9)
  })
})
