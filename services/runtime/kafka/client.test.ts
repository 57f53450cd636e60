import { createRequire } from 'node:module'
import type { Consumer } from 'kafkajs'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { connectConsumer, runConsumer } from './client.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] }))
afterEach(() => void vi.useRealTimers())

type Crash = { payload: { error: Error; restart: boolean } }

function openConsumer() {
  const stop = new AbortController()
  const fail = vi.fn<(error: unknown) => void>()
  let listener: (crash: Crash) => void = () => undefined
  const run = vi.fn(() => Promise.resolve())
  const consumer = {
    on: (_: string, listen: typeof listener) => void (listener = listen),
    run,
  } as unknown as Consumer
  const crash = (message: string, restart = false) => listener({ payload: { error: new Error(message), restart } })
  return { consumer, run, fail, stop, crash, context: { stopping: stop.signal, fail } }
}

test('a consumer that ended because a broker hangs begins anew, each time', async () => {
  const { consumer, context, run, crash, fail } = openConsumer()
  await runConsumer(consumer, context, {})
  for (let times = 2; times < 5; times++) {
    crash('Broker not connected')
    await vi.advanceTimersByTimeAsync(2000)
    expect(run).toHaveBeenCalledTimes(times)
  }
  expect(fail).not.toHaveBeenCalled()
})

test('one that begins anew by itself, or stops, is left alone', async () => {
  const { consumer, context, run, crash, stop, fail } = openConsumer()
  await runConsumer(consumer, context, {})
  crash('Broker not connected', true)
  crash('Broker not connected')
  stop.abort()
  await vi.advanceTimersByTimeAsync(2000)
  crash('a slip in the code')
  await vi.advanceTimersByTimeAsync(2000)
  expect(run).toHaveBeenCalledOnce()
  expect(fail).not.toHaveBeenCalled()
})

test('an error that nobody thought of ends the service', async () => {
  const { consumer, context, crash, fail } = openConsumer()
  await runConsumer(consumer, context, {})
  crash('a slip in the code')
  await vi.waitFor(() => expect(fail).toHaveBeenCalledOnce())
})

test('nothing is left of a connection that failed, though leaving it may hang', async () => {
  const disconnect = vi.fn(() => new Promise<void>(() => undefined))
  const consumer = {
    connect: () => Promise.resolve(),
    subscribe: () => Promise.reject(new Error('Broker not connected')),
    disconnect,
  } as unknown as Consumer
  const connected = expect(connectConsumer(consumer, ['topic'])).rejects.toThrow('Broker not connected')
  await vi.advanceTimersByTimeAsync(5000)
  await connected
  expect(disconnect).toHaveBeenCalledOnce()
})

describe("kafkajs' queue of requests", () => {
  type Entry = { entry: { correlationId: number }; expectResponse: boolean; sendRequest(): void }
  type Queue = { checkPendingRequests(): void; maybeThrottle(ms: number): void; push(request: Entry): void }
  const RequestQueue = createRequire(import.meta.url)('kafkajs/src/network/requestQueue/index.js') as {
    new (options: object): Queue
  }
  const makeQueue = (maxInFlightRequests = 10) =>
    new RequestQueue({ maxInFlightRequests, requestTimeout: 1000, logger: { debug: () => undefined } })

  test('sets no timer while no request waits', () => {
    const queue = makeQueue()
    queue.push({ entry: { correlationId: 1 }, expectResponse: true, sendRequest: () => undefined })
    queue.checkPendingRequests()
    expect(vi.getTimerCount()).toBe(0)
  })

  test('sends what a throttle held back, when it ends', async () => {
    const queue = makeQueue()
    const send = vi.fn()
    queue.maybeThrottle(300)
    queue.checkPendingRequests()
    queue.push({ entry: { correlationId: 1 }, expectResponse: true, sendRequest: send })
    await vi.advanceTimersByTimeAsync(200)
    expect(send).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(200)
    expect(send).toHaveBeenCalledOnce()
    expect(vi.getTimerCount()).toBe(0)
  })
})
