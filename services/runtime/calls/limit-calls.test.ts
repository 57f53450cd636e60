import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createLimiter } from './limit-calls.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test('calls that hang make room for others, up to a limit; ended ones always do', async () => {
  const onFree = vi.fn()
  const limiter = createLimiter({ atOnce: 2, slowAtOnce: 3, slowAfterMs: 1000 }, onFree)
  const ends: (() => void)[] = []
  const hang = (id: number) => limiter.run(id, () => new Promise((end) => ends.push(end)))
  hang(1)
  hang(2)
  expect([limiter.free(), limiter.ids()]).toEqual([0, [1, 2]])
  vi.advanceTimersByTime(1000)
  expect([limiter.free(), onFree.mock.calls.length]).toEqual([2, 2])
  hang(3)
  hang(4)
  vi.advanceTimersByTime(1000)
  expect(limiter.free()).toBe(1)
  hang(5)
  vi.advanceTimersByTime(1000)
  expect(limiter.free()).toBe(0)

  ends[0]?.()
  await vi.advanceTimersByTimeAsync(0)
  expect([limiter.free(), limiter.ids()]).toEqual([1, [2, 3, 4, 5]])
  ends.slice(1).forEach((end) => end())
  await limiter.drained()
  expect([limiter.free(), limiter.ids()]).toEqual([2, []])
})

test('what is only written down makes room for another call', async () => {
  const onFree = vi.fn()
  const limiter = createLimiter({ atOnce: 1, slowAtOnce: 1, slowAfterMs: 1000 }, onFree)
  const ends: (() => void)[] = []
  const called = (id: number) =>
    limiter.run(id, (leave) => {
      leave()
      return new Promise((end) => ends.push(end))
    })
  called(1)
  expect([limiter.free(), limiter.ids(), onFree.mock.calls.length]).toEqual([1, [1], 1])
  for (const id of [2, 3, 4]) called(id)
  expect(limiter.free()).toBe(0)
  ends.forEach((end) => end())
  await limiter.drained()
  expect([limiter.free(), limiter.ids()]).toEqual([1, []])
})

test('work that is over may have kept back other work, so it is said, too', async () => {
  const onFree = vi.fn()
  const limiter = createLimiter({ atOnce: 2, slowAtOnce: 1, slowAfterMs: 1000 }, onFree)
  const written = Promise.withResolvers<void>()
  limiter.run(1, (leave) => {
    leave()
    return written.promise
  })
  expect(onFree).toHaveBeenCalledTimes(1)
  written.resolve()
  await limiter.drained()
  expect(onFree).toHaveBeenCalledTimes(2)
})
