import { expect, test } from 'vitest'
import type { CompanyHistory } from '../backtest/histories.ts'
import { countThreads, splitEvenly } from './run-parallel.ts'

const histories = (...values: number[]): CompanyHistory[] =>
  values.map((count, index) => ({ company_id: index + 1, payloads: 1, values: count, first: 0, last: 0, lastNo: 1 }))

test.each([
  [[5000, 5000], 8, 1],
  [[150_000, 150_000, 10], 8, 3],
  [[400_000], 8, 1],
  [Array.from({ length: 50 }, () => 100_000), 8, 4],
  [Array.from({ length: 50 }, () => 100_000), 2, 2],
])('companies with %j values on %d cores are judged in %d threads', (values, cores, threads) =>
  expect(countThreads(histories(...values), cores)).toBe(threads),
)

test.each([
  [[10, 10, 10, 10], 2, [2, 2]],
  [[100, 1, 1, 1, 1], 4, [1, 4]],
  [[0, 0], 3, [1, 1]],
  [[1, 2, 3], 16, [1, 1, 1]],
])('companies with %j values make at most %d parts, in order: %j', (values, count, sizes) => {
  const companies = histories(...values)
  const parts = splitEvenly(companies, count)
  expect(parts.flat()).toEqual(companies)
  expect(parts.map(({ length }) => length)).toEqual(sizes)
})
