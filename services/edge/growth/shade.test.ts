import { expect, test } from 'vitest'
import { shade } from './shade.ts'

test('what goes on ends now, and a suspect payload with the next value', () => {
  const disturbances = [
    { kind: 'down', from: 10, to: 20 },
    { kind: 'late', from: 30, to: null },
    { kind: 'suspect', from: 40, to: 40 },
    { kind: 'suspect', from: 90, to: 90 },
  ] as const
  expect(shade(disturbances, [40, 50, 90], 100).map(({ from, to }) => [from, to])).toEqual([
    [10, 20],
    [30, 100],
    [40, 50],
    [90, 90],
  ])
})

test('what begins after now, by another clock, has no negative length', () => {
  expect(shade([{ kind: 'down', from: 10, to: null }], [], 5)).toEqual([{ kind: 'down', from: 10, to: 10 }])
})
