import { beforeEach, expect, test, vi } from 'vitest'
import { orAfter, withDeadline } from './deadline.ts'

beforeEach(() => {
  vi.useFakeTimers()
  return () => vi.useRealTimers()
})

const late = () => new Error('late')
const never = new Promise<never>(() => undefined)

test('work that ends in time is what it is, and leaves no timer', async () => {
  expect(await withDeadline(Promise.resolve('done'), 100, late)).toBe('done')
  await expect(withDeadline(Promise.reject(new Error('broken')), 100, late)).rejects.toThrow('broken')
  expect(vi.getTimerCount()).toBe(0)
})

test('work that never ends fails after its time, not before', async () => {
  const settled = vi.fn()
  const bounded = withDeadline(never, 100, late).catch(settled)
  await vi.advanceTimersByTimeAsync(99)
  expect(settled).not.toHaveBeenCalled()
  await vi.advanceTimersByTimeAsync(1)
  await bounded
  expect(settled).toHaveBeenCalledWith(new Error('late'))
})

test('what fails after its time troubles nobody', async () => {
  const { promise, reject } = Promise.withResolvers<never>()
  const bounded = withDeadline(promise, 100, late).catch((error: Error) => error.message)
  await vi.advanceTimersByTimeAsync(100)
  reject(new Error('too late'))
  expect(await bounded).toBe('late')
})

test('a value stands in for work that is late', async () => {
  expect(await orAfter(Promise.resolve('done'), 100, () => 'late')).toBe('done')
  const bounded = orAfter(never, 100, () => 'late')
  await vi.advanceTimersByTimeAsync(100)
  expect(await bounded).toBe('late')
})
