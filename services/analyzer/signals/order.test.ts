import fc from 'fast-check'
import { expect, test } from 'vitest'
import { median } from './order.ts'

test('the median is the middle of the sorted numbers, of however many', () => {
  const numbers = fc.array(fc.oneof(fc.integer({ min: 0, max: 5 }), fc.double({ noNaN: true, min: -1e9, max: 1e9 })), {
    minLength: 1,
    maxLength: 400,
  })
  fc.assert(
    fc.property(numbers, (list) => {
      const sorted = Float64Array.from(list).sort()
      const half = list.length >> 1
      const middle = list.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2
      expect(median(list) === middle).toBe(true)
    }),
  )
})

test('what is no number is in no order, and ends all the same', () => {
  expect(median(Array<number>(26).fill(NaN))).toBeNaN()
  const numbers = fc.array(fc.constantFrom(1, 2, 3, NaN, Infinity, -Infinity), { minLength: 1, maxLength: 100 })
  fc.assert(
    fc.property(numbers, (list) => {
      expect(median(list)).toBeTypeOf('number')
    }),
  )
})
