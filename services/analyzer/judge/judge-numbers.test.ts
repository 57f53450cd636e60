import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { SeriesState } from '../values/series-state.ts'
import { judge } from './judge.ts'

const policy = { insight: { tellFrom: 0.01 }, threshold: 25, steps: 5, types: new Set<string>() }

/** What a series gives whose values come after these gaps in ms. */
function run(points: readonly { gap: number; value: number }[]) {
  let state: SeriesState | null = null
  let observedAt = 1.7e12
  return points.map(({ gap, value: number }, eventNo) => {
    observedAt += gap
    const observed = { eventNo, observedAt, type: 'float', value: { kind: 'number' as const, number } }
    const judged = judge(state, observed, { rules: [], policy, keep: 32 })
    state = judged.state
    return judged
  })
}

test('a move of telemetry that is too small to hear of is no news, and costs nothing', () => {
  const values = Array.from({ length: 600 }, (_, at) => 1000 + Math.sin(at) + (at === 500 ? 20 : 0))
  const judged = run(values.map((value) => ({ gap: 300_000, value })))
  expect(judged[500]!.state.said!.kind).toBe('spike')
  expect(judged[500]!.firings).toEqual([])
})

test('any numbers at any distance are judged', () => {
  const gap = fc.oneof(fc.constantFrom(1, 60_000, 3_600_000, 604_800_000), fc.integer({ min: 0, max: 1e10 }))
  const value = fc.oneof(fc.integer({ min: -3, max: 1100 }), fc.constantFrom(0, -0, 1e308, -1e308, 5e-324, 1000.5))
  fc.assert(
    fc.property(fc.array(fc.record({ gap, value }), { minLength: 20, maxLength: 80 }), (points) => {
      for (const { state } of run(points)) {
        expect(state.said!.score >= 0 && state.said!.score < 1).toBe(true)
        expect(JSON.parse(JSON.stringify(state.said))).toEqual(state.said)
      }
    }),
    { seed: 1, numRuns: 100 },
  )
})
