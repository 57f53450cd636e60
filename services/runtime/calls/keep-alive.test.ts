import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { keepAlive } from './keep-alive.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test('beats while an attempt is within its deadline, and fails the service after it', async () => {
  const heartbeat = vi.fn(async () => undefined)
  const fail = vi.fn()
  const alive = keepAlive(heartbeat, 100, 1000, fail)
  await vi.advanceTimersByTimeAsync(1000)
  expect(heartbeat).toHaveBeenCalledTimes(10)
  expect(fail).not.toHaveBeenCalled()
  alive.attempt()
  await vi.advanceTimersByTimeAsync(1000)
  expect(fail).not.toHaveBeenCalled()
  await vi.advanceTimersByTimeAsync(100)
  expect(fail).toHaveBeenCalledOnce()
  alive.stop()
})

test('waiting for the next attempt has no deadline, but goes on beating', async () => {
  const heartbeat = vi.fn(async () => undefined)
  const fail = vi.fn()
  const alive = keepAlive(heartbeat, 100, 1000, fail)
  alive.pause()
  await vi.advanceTimersByTimeAsync(60_000)
  expect(fail).not.toHaveBeenCalled()
  expect(heartbeat.mock.calls.length).toBeGreaterThanOrEqual(600)
  alive.stop()
})

test.each([-300_000, 300_000])('a clock that is set by %i ms changes nothing', async (step) => {
  const fail = vi.fn()
  const alive = keepAlive(async () => undefined, 100, 1000, fail)
  await vi.advanceTimersByTimeAsync(500)
  vi.setSystemTime(Date.now() + step)
  await vi.advanceTimersByTimeAsync(500)
  expect(fail).not.toHaveBeenCalled()
  await vi.advanceTimersByTimeAsync(200)
  expect(fail).toHaveBeenCalled()
  alive.stop()
})

test('the time for which the process was frozen does not count', async () => {
  const fail = vi.fn()
  const alive = keepAlive(async () => undefined, 100, 1000, fail)
  await vi.advanceTimersByTimeAsync(500)
  const thawedAt = performance.now() + 300_000
  vi.spyOn(performance, 'now').mockImplementation(() => thawedAt)
  await vi.advanceTimersByTimeAsync(400)
  vi.restoreAllMocks()
  expect(fail).not.toHaveBeenCalled()
  alive.stop()
})

test('says after the work that the membership was lost meanwhile', async () => {
  const alive = keepAlive(
    () => Promise.reject(new Error('rebalancing')),
    100,
    1000,
    () => undefined,
  )
  expect(() => alive.throwIfLost()).not.toThrow()
  await vi.advanceTimersByTimeAsync(100)
  expect(() => alive.throwIfLost()).toThrow('rebalancing')
  alive.stop()
})
