import fc from 'fast-check'
import { expect, test } from 'vitest'
import { forecastPoints } from './forecast-points.ts'

const week = 604_800_000
const weekly = (values: readonly number[]) => values.map((_, index) => index * week)

test('forecasts the next value and the fourth, each for its time', () => {
  const values = Array.from({ length: 60 }, (_, index) => 100 + 5 * index)
  const outlook = forecastPoints(weekly(values), values)
  expect(outlook).toMatchObject({
    madeAt: 59 * week,
    forecasts: [
      { steps: 1, time: 60 * week, value: 400, low: 400, high: 400, error: expect.closeTo(0, 0) as unknown },
      { steps: 4, time: 63 * week, value: 415 },
    ],
  })
})

test('of points at one time the last counts', () => {
  const [times, values] = [
    [0, week, week, 2 * week],
    [1, 99, 2, 3],
  ]
  expect(forecastPoints(times, values)).toEqual(forecastPoints([0, week, 2 * week], [1, 2, 3]))
})

test.each([
  ['no point', [], []],
  ['one point', [5], [1]],
  ['one time', [5, 5], [1, 2]],
])('there is none of %s', (_, times, values) => expect(forecastPoints(times, values)).toBeNull())

test('a count has no negative forecast, whatever came before', () => {
  const counts = fc.array(fc.oneof(fc.nat(5), fc.nat(1e6)), { minLength: 2, maxLength: 60 })
  fc.assert(
    fc.property(counts, (values) => {
      for (const { value, low, time, steps } of forecastPoints(weekly(values), values)!.forecasts) {
        expect(value).toBeGreaterThanOrEqual(0)
        expect(low ?? 0).toBeGreaterThanOrEqual(0)
        expect(Number.isInteger(value)).toBe(true)
        expect(time).toBe((values.length - 1 + steps) * week)
      }
    }),
  )
})
