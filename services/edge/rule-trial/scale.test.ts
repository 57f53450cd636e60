import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { conditions } from './query.ts'
import { scaleOf } from './scale.ts'

describe('a slider', () => {
  test.each([
    ['percent', [100, 101, 99, 108], { min: 0.1, max: 10, step: 0.1, usual: 2 }],
    ['absolute', [100, 130, 100], { min: 1, max: 50, step: 1, usual: 10 }],
    ['absolute', [0, 3], { min: 1, max: 10, step: 1, usual: 2 }],
    ['above', [100, 180, 140], { min: 100, max: 180, step: 1, usual: 160 }],
    ['below', [100, 180, 140], { min: 100, max: 180, step: 1, usual: 120 }],
    ['above', [7], { min: 3, max: 11, step: 1, usual: 9 }],
    ['unusual', [100, 180, 140], { min: 0, max: 100, step: 1, usual: 26 }],
    ['percent', [], { min: 1, max: 100, step: 1, usual: 20 }],
    ['percent', [0, 5, 5], { min: 1, max: 100, step: 1, usual: 20 }],
  ] as const)('%s of %j', (condition, values, scale) => {
    expect(scaleOf(condition, values, true)).toEqual(scale)
  })

  test('has small steps for small numbers', () => {
    expect(scaleOf('absolute', [0.001, 0.0013], false)).toMatchObject({ max: 0.0005, step: 0.000005 })
    expect(scaleOf('above', [1e-9, 3e-9], false)).toMatchObject({ min: 1e-9, max: 3e-9 })
  })

  test('reaches to what is asked for, and takes what lies between steps', () => {
    expect(scaleOf('percent', [100, 101, 99, 108], true, 25)).toMatchObject({ min: 0.1, max: 25, step: 0.1 })
    expect(scaleOf('percent', [100, 101, 99, 108], true, 2.55)).toMatchObject({ max: 10, step: 'any' })
    expect(scaleOf('above', [100, 180], true, -20)).toMatchObject({ min: -20, step: 1 })
  })

  test('has an order for any values', () => {
    const value = fc.oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.constantFrom(0, -0, 1e15, 1e-9, -1e308, 1e308, 5e-324),
    )
    fc.assert(
      fc.property(
        fc.constantFrom(...conditions),
        fc.array(value, { maxLength: 9 }),
        fc.boolean(),
        (kind, values, whole) => {
          const { min, max, step, usual } = scaleOf(kind, values, whole)
          for (const one of [min, max, step, usual]) expect(Number.isFinite(one)).toBe(true)
          expect(Number(step)).toBeGreaterThan(0)
          expect(min).toBeLessThanOrEqual(usual)
          expect(usual).toBeLessThanOrEqual(max)
          expect(min).toBeLessThan(max)
        },
      ),
      { numRuns: 2000 },
    )
  })
})
