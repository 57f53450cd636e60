import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatNumber, summarize } from './statistics.ts'

// The same cases at each run.
fc.configureGlobal({ seed: 1 })

test('summarizes one, an odd and an even number of values', () => {
  expect(summarize([4])).toEqual({ min: 4, median: 4, max: 4 })
  expect(summarize([9, 1, 4])).toEqual({ min: 1, median: 4, max: 9 })
  expect(summarize([10, 1, 4, 2])).toEqual({ min: 1, median: 3, max: 10 })
  expect(() => summarize([])).toThrow('nothing was measured')
})

test('half of the values lie on each side of the median, whatever their order', () => {
  const values = fc.array(fc.integer(), { minLength: 1 })
  fc.assert(
    fc.property(values, (numbers) => {
      const { min, median, max } = summarize(numbers)
      expect(numbers.filter((value) => value < median).length).toBeLessThanOrEqual(numbers.length / 2)
      expect(numbers.filter((value) => value > median).length).toBeLessThanOrEqual(numbers.length / 2)
      expect([min, max]).toEqual([Math.min(...numbers), Math.max(...numbers)])
      expect(summarize(numbers.toReversed())).toEqual({ min, median, max })
    }),
  )
})

test('numbers are printed as far as they mean something', () => {
  expect([0.012345, 4.567, 99.96, 123.4, 45_678.9].map(formatNumber)).toEqual([
    '0.0123',
    '4.57',
    '100',
    '123',
    '45,679',
  ])
})
