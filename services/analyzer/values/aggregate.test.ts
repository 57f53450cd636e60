import fc from 'fast-check'
import { expect, test } from 'vitest'
import { methods } from './aggregate.ts'

const all = Object.values(methods)

test('the order of values does not matter, down to the last bit', () => {
  const rotations = [
    [0.1, 0.2, 0.3],
    [0.2, 0.3, 0.1],
    [0.3, 0.1, 0.2],
  ]
  for (const reckon of all) expect(new Set(rotations.map(reckon)).size).toBe(1)
})

test('a constant series of any length has the constant as average, and no spread', () => {
  fc.assert(
    fc.property(
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.integer({ min: 1, max: 50 }),
      (value, length) => {
        const values = Array.from({ length }, () => value)
        for (const reckon of [methods.avg, methods.median, methods.min, methods.max])
          expect(reckon(values) === value).toBe(true)
        expect(methods.stddev(values)).toBe(0)
      },
    ),
    { seed: 7 },
  )
})

test('a window may be of any length', () => {
  const values = Array.from({ length: 300_000 }, (_, n) => n)
  expect([methods.min(values), methods.max(values), methods.median(values)]).toEqual([0, 299_999, 149_999.5])
})
