import type { Consumer } from 'kafkajs'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
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
