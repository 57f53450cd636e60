import { expect, test } from 'vitest'
import { isGoodNews } from './is-good.ts'

const change = { polarity: 'good', previous: '1,000', current: '1,500', trigger_factor: 50 }

test.each([
  [{}, true],
  [{ trigger_factor: -50 }, false],
  [{ polarity: 'bad' }, false],
  [{ polarity: 'bad', trigger_factor: -50 }, true],
  [{ polarity: 'neither' }, false],
  [{ polarity: null }, false],
  [{ trigger_factor: null }, true],
  [{ trigger_factor: null, current: '1' }, false],
  [{ trigger_factor: null, previous: null }, false],
  [{ trigger_factor: null, current: 'MIT' }, false],
])('%j is good: %s', (given, expected) => expect(isGoodNews({ ...change, ...given })).toBe(expected))
