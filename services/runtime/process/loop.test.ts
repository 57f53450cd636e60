import { pino } from 'pino'
import { expect, onTestFinished, test, vi } from 'vitest'
import { TransientError } from '../calls/retry.ts'
import type { ServiceContext } from './service.ts'
import { startLoop } from './loop.ts'

/** Longer than any test waits: only being woken starts a turn. */
const never = 1_000_000

function openContext() {
  const stop = new AbortController()
  const scope = new AsyncDisposableStack()
  const fail = vi.fn<(error: unknown) => void>()
  const close = async () => {
    stop.abort()
    await scope.disposeAsync()
  }
  onTestFinished(close)
  const health = { ready() {}, dependency() {}, away: () => Promise.resolve([]), live() {}, drain() {} }
  const context: ServiceContext = {
    name: 'test',
    log: pino({ level: 'silent' }),
    health,
    scope,
    stopping: stop.signal,
    step: (_, work) => work(() => undefined),
    fail,
  }
  return { context, fail, close }
}

test('turns at once, when it is woken, and after a while', async () => {
  const { context } = openContext()
  const turn = vi.fn(() => Promise.resolve())
  const wake = startLoop('loop', never, context, turn)
  await vi.waitFor(() => expect(turn).toHaveBeenCalledTimes(1))
  wake()
  await vi.waitFor(() => expect(turn).toHaveBeenCalledTimes(2))

  const often = vi.fn(() => Promise.resolve())
  startLoop('often', 1, context, often)
  await vi.waitFor(() => expect(often.mock.calls.length).toBeGreaterThan(3))
})

test('a turn may ask for an earlier one, never for a later one', async () => {
  const { context } = openContext()
  const soon = vi.fn(() => Promise.resolve(1))
  startLoop('soon', never, context, soon)
  await vi.waitFor(() => expect(soon.mock.calls.length).toBeGreaterThan(3))

  const late = vi.fn(() => Promise.resolve(never))
  startLoop('late', 1, context, late)
  await vi.waitFor(() => expect(late.mock.calls.length).toBeGreaterThan(3))
})

test('being woken within a turn is not forgotten, and however often is one turn', async () => {
  const { context } = openContext()
  const gate = Promise.withResolvers<void>()
  const turn = vi.fn(() => gate.promise)
  const wake = startLoop('loop', never, context, turn)
  wake()
  wake()
  wake()
  gate.resolve()
  await vi.waitFor(() => expect(turn).toHaveBeenCalledTimes(2))
  wake()
  await vi.waitFor(() => expect(turn).toHaveBeenCalledTimes(3))
})

test('closing waits for the turn under way, and there is none after it', async () => {
  const { context, close } = openContext()
  const gate = Promise.withResolvers<void>()
  const turn = vi.fn(() => gate.promise)
  const wake = startLoop('loop', never, context, turn)
  let isClosed = false
  const closed = close().then(() => (isClosed = true))
  wake()
  await new Promise(setImmediate)
  expect(isClosed).toBe(false)
  gate.resolve()
  await closed
  expect(turn).toHaveBeenCalledTimes(1)
})

test('repeats a turn after a passing error, and ends the service on any other', async () => {
  const { context, fail } = openContext()
  const bug = new Error('a bug')
  const turn = vi.fn<() => Promise<void>>().mockRejectedValueOnce(new TransientError('busy')).mockRejectedValueOnce(bug)
  startLoop('loop', never, context, turn)
  await vi.waitFor(() => expect(fail).toHaveBeenCalledWith(bug))
  expect(turn).toHaveBeenCalledTimes(2)
})
