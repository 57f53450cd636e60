import fc from 'fast-check'
import { expect, test } from 'vitest'
import { inSteps } from './in-steps.ts'

const own = (size: number) => size
const sum = (sizes: readonly number[]) => sizes.reduce((all, size) => all + size, 0)

test('steps are as few as go in order, and only one that is too large alone is above the limit', () => {
  const sizes = fc.array(fc.nat(20))
  fc.assert(
    fc.property(sizes, fc.integer({ min: 1, max: 20 }), (all, most) => {
      const steps = inSteps(all, most, own)
      expect(steps.flat()).toEqual(all)
      for (const [at, step] of steps.entries()) {
        if (step.length > 1) expect(sum(step)).toBeLessThanOrEqual(most)
        const next = steps[at + 1]?.[0]
        if (next !== undefined) expect(sum(step) + next).toBeGreaterThan(most)
      }
    }),
  )
})

test('nothing is no step', () => expect(inSteps([], 5, own)).toEqual([]))
