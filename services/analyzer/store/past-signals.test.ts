import { expect, test } from 'vitest'
import { shareOut } from './past-signals.ts'

test.each([
  [0, 0, 160],
  [5000, 5000, 160],
  [50_000, 50_000, 30],
  [1_000_000, 60_000, 25],
])('of %i series, %i get back what is remembered, from %i points each', (count, series, points) => {
  expect(shareOut(count)).toEqual({ series, points })
})
