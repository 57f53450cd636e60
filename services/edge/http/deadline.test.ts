import { beforeEach, expect, test, vi } from 'vitest'
import { classify } from '#runtime/process/retry.ts'
import { boundBy, withDeadline } from './deadline.ts'

beforeEach(() => {
  vi.useFakeTimers()
  return () => vi.useRealTimers()
})

test('work that ends in time is what it is, and leaves no timer', async () => {
  expect(await withDeadline(Promise.resolve('done'), 100, () => new Error('late'))).toBe('done')
  await expect(withDeadline(Promise.reject(new Error('broken')), 100, () => new Error('late'))).rejects.toThrow(
    'broken',
  )
  expect(vi.getTimerCount()).toBe(0)
})

test('work in Postgres that never ends is a passing outage after its time, not before', async () => {
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

test('what fails after its time troubles nobody', async () => {
  const { promise, reject } = Promise.withResolvers<never>()
  const bounded = withDeadline(promise, 100, () => new Error('late')).catch((error: Error) => error.message)
  await vi.advanceTimersByTimeAsync(100)
  reject(new Error('too late'))
  expect(await bounded).toBe('late')
})
