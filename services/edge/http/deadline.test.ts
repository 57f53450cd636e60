import { beforeEach, expect, test, vi } from 'vitest'
import { classify } from '#runtime/calls/retry.ts'
import { boundBy } from './deadline.ts'

beforeEach(() => {
  vi.useFakeTimers()
  return () => vi.useRealTimers()
})

test('work in Postgres that never ends is a transient error after its deadline, not before', async () => {
  const settled = vi.fn()
  const bounded = boundBy(100)(new Promise<never>(() => undefined)).catch((error: unknown) => {
    settled()
    return error
  })
  await vi.advanceTimersByTimeAsync(99)
  expect(settled).not.toHaveBeenCalled()
  await vi.advanceTimersByTimeAsync(1)
  expect(classify(await bounded)).toBe('transient')
})
