import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createLog } from '#runtime/process/log.ts'
import type { ServiceContext } from '#runtime/process/service.ts'
import { watchBroker } from './broker-watch.ts'

let isThere = true
let check: () => string | void | Promise<string | void>
let reports: { message: string; subject: string }[]
let stop: AbortController

beforeEach(() => {
  vi.useFakeTimers({ now: Date.parse('2026-11-29T12:00:00Z') })
  isThere = true
  reports = []
  stop = new AbortController()
  const context = {
    ...{ name: 'edge', log: createLog('edge', 'silent'), scope: new AsyncDisposableStack(), stopping: stop.signal },
    health: { live: () => undefined, ready: (_: string, given: typeof check) => (check = given) },
    fail: (error: unknown) => expect.fail(String(error)),
  } as unknown as ServiceContext
  const probe = async () => {
    if (!isThere) throw new Error('connection refused')
  }
  watchBroker({ FEED_DEADLINE_MS: 100_000 }, context, { probe, report: (notice) => reports.push(notice) })
})
afterEach(() => {
  stop.abort()
  vi.useRealTimers()
})

test('a missing broker is named at once as degraded, and is not ready after the deadline of payloads', async () => {
  expect(await check()).toBeUndefined()
  isThere = false
  expect(await check()).toBe('no broker has answered for 0 s (connection refused)')
  await vi.advanceTimersByTimeAsync(99_000)
  expect(await check()).toBe('no broker has answered for 99 s (connection refused)')
  await vi.advanceTimersByTimeAsync(2000)
  await expect(async () => check()).rejects.toThrow('no broker has answered for 101 s (connection refused)')
  isThere = true
  expect(await check()).toBeUndefined()
})

test('operators hear of an absence when it is over, unless it was short; a clock that is set changes nothing', async () => {
  isThere = false
  await vi.advanceTimersByTimeAsync(3000)
  isThere = true
  await vi.advanceTimersByTimeAsync(1000)
  expect(reports).toEqual([])

  isThere = false
  await vi.advanceTimersByTimeAsync(20_000)
  vi.setSystemTime(Date.now() + 300_000)
  expect(await check()).toMatch(/^no broker has answered for (19|20) s/)
  isThere = true
  await vi.advanceTimersByTimeAsync(1000)
  expect(reports).toMatchObject([{ subject: '2026-11-29T12:00', facts: { seconds: expect.stringMatching(/^20|21$/) } }])
  expect(reports[0]?.message).toMatch(/^The edge reached no Kafka broker for 2[01] seconds\./)
})
