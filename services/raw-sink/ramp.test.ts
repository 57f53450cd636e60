import { expect, test } from 'vitest'
import { createRamp } from './ramp.ts'

const minute = 60_000

/** Writes that may go within a second, when more are wanted than may. */
function writesPerSecond(ramp: (now: number) => number, from: number): number {
  let count = 0
  while (ramp(from) < 1000) count++
  return count
}

test('begins with its rate, grows by half every five minutes, and begins anew after a long pause', () => {
  const ramp = createRamp(500)
  const expected = { 0: 500, 4: 500, 5: 750, 9: 750, 10: 1125, 15: 1688, 44: 12814, 75: 500 }
  for (const [at, count] of Object.entries(expected))
    expect(writesPerSecond(ramp, Number(at) * minute)).toBeCloseTo(count, -1)
})

test('what comes slower waits for nothing', () => {
  const ramp = createRamp(500)
  expect([0, 2, 4, 60, 62].map(ramp)).toEqual([0, 0, 0, 0, 0])
  expect([64, 64, 64].map(ramp)).toEqual([0, 2, 4])
})
