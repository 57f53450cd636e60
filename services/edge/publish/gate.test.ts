import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createGate } from './gate.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const limits = { PRODUCE_MAX_PENDING_BYTES: 1000, MAX_CONNECTIONS: 10 }

function openGate() {
  const stop = new AbortController()
  const gate = createGate(limits, { stopping: stop.signal })
  const passed: string[] = []
  return { gate, passed, stop, enter: (name: string) => void gate.enter().then(() => passed.push(name)) }
}

test('a closed gate lets nothing pass until it is opened, or by itself after its time', async () => {
  const { gate, passed, enter } = openGate()
  enter('open')
  await vi.advanceTimersByTimeAsync(0)
  gate.closeFor(1000)
  enter('a')
  await vi.advanceTimersByTimeAsync(900)
  gate.closeFor(1000)
  enter('b')
  await vi.advanceTimersByTimeAsync(900)
  expect(passed).toEqual(['open'])
  await vi.advanceTimersByTimeAsync(100)
  expect(passed).toEqual(['open', 'a', 'b'])
  gate.closeFor(1000)
  enter('c')
  gate.open()
  gate.closeFor(1000)
  await vi.advanceTimersByTimeAsync(0)
  expect(passed).not.toContain('c')
  await vi.advanceTimersByTimeAsync(1000)
  expect(passed.at(-1)).toBe('c')
})

test('it is quiet when it is closed and what had passed before is over', async () => {
  const { gate, enter } = openGate()
  expect(gate.isQuiet()).toBe(false)
  enter('a')
  gate.closeFor(1000)
  expect(gate.isQuiet()).toBe(false)
  gate.leave()
  expect(gate.isQuiet()).toBe(true)
  gate.open()
  expect(gate.isQuiet()).toBe(false)
})

test('it opens when more than half of what the edge can hold is waiting, and says so', () => {
  const reasons: string[] = []
  const { gate } = openGate()
  gate.onFull((reason) => reasons.push(reason))
  gate.noteWaiting({ calls: 9, bytes: 900 })
  gate.closeFor(1000)
  gate.noteWaiting({ calls: 5, bytes: 500 })
  expect(gate.isQuiet()).toBe(true)
  gate.noteWaiting({ calls: 5, bytes: 501 })
  expect(gate.isQuiet()).toBe(false)
  gate.closeFor(1000)
  gate.noteWaiting({ calls: 6, bytes: 60 })
  expect(reasons).toEqual([
    '5 requests with 501 bytes were waiting, more than half of what it can hold',
    '6 requests with 60 bytes were waiting, more than half of what it can hold',
  ])
})

test('it is open once the service stops', async () => {
  const { gate, passed, stop, enter } = openGate()
  gate.closeFor(1000)
  enter('a')
  stop.abort()
  await vi.advanceTimersByTimeAsync(0)
  gate.closeFor(1000)
  enter('b')
  await vi.advanceTimersByTimeAsync(0)
  expect(passed).toEqual(['a', 'b'])
})
