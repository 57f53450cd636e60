import { expect, test } from 'vitest'
import type { Fired } from '../values/series-state.ts'
import { isAftermath } from './is-aftermath.ts'

const told: Fired = { from: { kind: 'number', number: 100 }, turns: 0, quiet: 0 }

test.each<[string, Fired | undefined, number[], boolean]>([
  ['the rest of a launch', told, [100, 150, 158], true],
  ['the way back', told, [100, 150, 101], true],
  ['a larger move', told, [100, 150, 205], false],
  ['the second value after it', { ...told, quiet: 1 }, [100, 150, 151, 140], true],
  ['the first change', undefined, [100, 150], false],
  ['after a change that was no number', { ...told, from: { kind: 'text', text: 'many' } }, [100, 150], false],
])('%s', (_, fired, values, expected) => {
  const last = { kind: 'number', number: values.at(-2)! } as const
  expect(isAftermath({ eventNo: 1, observedAt: 0, recent: [], last, ...(fired && { fired }) }, values)).toBe(expected)
})
