import { expect, test } from 'vitest'
import { naiveIso } from './time.ts'

test('naiveIso writes as Python does', () => {
  expect(naiveIso(Date.UTC(2026, 10, 23, 22, 22, 1, 988))).toBe('2026-11-23T22:22:01.988000')
  expect(naiveIso(Date.UTC(2026, 10, 23, 22, 22, 1, 0))).toBe('2026-11-23T22:22:01')
})
