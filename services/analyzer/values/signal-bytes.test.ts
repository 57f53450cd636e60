import fc from 'fast-check'
import { expect, test } from 'vitest'
import { judgePoint } from '../signals/judge-point.ts'
import type { SignalState } from '../signals/state.ts'
import { decodeSignal, encodeSignal } from './signal-bytes.ts'

const number = fc.oneof(
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(0, -0, 1e308, -1e308, 2 ** 53, -(2 ** 53), 2 ** 49, 1e15, 0.1),
)

function follow(points: readonly { gap: number; value: number }[]): SignalState {
  let time = -1e12
  let state: SignalState | null = null
  for (const { gap, value } of points) state = judgePoint(state, (time += gap), value, { isComparable: true }).state
  return state!
}

const points = (value: fc.Arbitrary<number>) =>
  fc.array(fc.record({ gap: fc.integer({ min: 1, max: 1e10 }), value }), { minLength: 1, maxLength: 130 })

test('a state comes back as it was', () => {
  fc.assert(
    fc.property(points(number), fc.nat(), (some, eventNo) => {
      const state = follow(some)
      expect(decodeSignal(eventNo, encodeSignal(eventNo, state))).toEqual(state)
    }),
    { numRuns: 100 },
  )
})

test('what is neither a number nor numbers comes back too', () => {
  const more = { ...follow([{ gap: 1, value: 5 }]), moves: { a: [1.5, null], b: 'ü' } as unknown as number[] }
  expect(decodeSignal(1, encodeSignal(1, more))).toEqual(more)
})

test('a state is smaller than 2.5 KB, and one of whole numbers every week than 1 KB', () => {
  fc.assert(
    fc.property(points(fc.double({ noNaN: true })), (some) => {
      expect(encodeSignal(2 ** 40, follow(some)).length).toBeLessThan(2048 + 512)
    }),
    { numRuns: 30 },
  )
  const weekly = Array.from({ length: 200 }, (_, i) => ({
    gap: 604_800_000,
    value: 1e6 + 317 * i + ((i * 7919) % 101),
  }))
  expect(encodeSignal(1, follow(weekly)).length).toBeLessThan(1024)
})

test('a state of many values a day comes back as it was', () => {
  const state = follow(Array.from({ length: 3000 }, (_, i) => ({ gap: 300_000, value: 50 + Math.sin(i / 46) * 17 })))
  const encoded = encodeSignal(1, state)
  expect(state.telemetry).not.toBeNull()
  expect(decodeSignal(1, encoded)).toEqual(state)
  expect(encoded.length).toBeLessThan(8192)
})

test('bytes after another event, of another format or another version are no state', () => {
  const state = follow([{ gap: 1, value: 5 }])
  const encoded = encodeSignal(7, state)
  expect(decodeSignal(8, encoded)).toBe(null)
  expect(decodeSignal(7, Buffer.concat([Buffer.of(9), encoded.subarray(1)]))).toBe(null)
  expect(decodeSignal(7, encodeSignal(7, { ...state, version: 0 as typeof state.version }))).toBe(null)
})
