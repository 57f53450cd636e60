import { pino } from 'pino'
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { TransientError } from './retry.ts'
import { watchStart } from './start-watch.ts'

const minuteMs = 60_000
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)
const never = () => new Promise<never>(() => undefined)

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function openWatch() {
  const stop = new AbortController()
  const fail = vi.fn<(error: unknown) => void>()
  const watch = watchStart({ log: pino({ level: 'silent' }), stopping: stop.signal, fail })
  onTestFinished(() => watch.end())
  const messages = () => fail.mock.calls.map(([error]) => (error as Error).message)
  return { ...watch, stop, fail, messages }
}

test('a step that never ends ends the start after three minutes, once, and is named', async () => {
  const { step, messages } = openWatch()
  await step('reading the maps', () => Promise.resolve())
  void step('connecting to Kafka', never)
  void step('connecting to Postgres', never)
  await pass(2.9 * minuteMs)
  expect(messages()).toEqual([])
  await pass(10 * minuteMs)
  expect(messages()).toEqual([
    'the start hangs: for 3 minutes nothing came of connecting to Kafka, connecting to Postgres',
  ])
})

test('so does a start that hangs between its steps', async () => {
  const { messages } = openWatch()
  await pass(3.1 * minuteMs)
  expect(messages()).toEqual(['the start hangs: for 3 minutes nothing came of what follows its last step'])
})

test('a step that fails because a server is away is repeated for as long as it is, and the start goes on', async () => {
  const { step, fail } = openWatch()
  let isAway = true
  const work = vi.fn(async () => {
    await new Promise((done) => setTimeout(done, minuteMs))
    if (isAway) throw new TransientError('no broker')
    return 'connected'
  })
  const connected = step('connecting to Kafka', work)
  for (let attempt = 1; attempt <= 4; attempt++) {
    await vi.waitFor(() => expect(work).toHaveBeenCalledTimes(attempt), { timeout: 10_000 })
    isAway = attempt < 4
    await pass(minuteMs)
  }
  expect(await connected).toBe('connected')
  expect(fail).not.toHaveBeenCalled()
})

test('a step that shows that it goes on may take longer', async () => {
  const { step, messages } = openWatch()
  const timers: NodeJS.Timeout[] = []
  void step('waiting for the schema', (goesOn) => {
    timers.push(setInterval(goesOn, minuteMs))
    return never()
  })
  await pass(60 * minuteMs)
  expect(messages()).toEqual([])
  timers.forEach(clearInterval)
  await pass(3.1 * minuteMs)
  expect(messages()).toHaveLength(1)
})

test('an error that does not pass ends the step', async () => {
  const { step } = openWatch()
  await expect(step('connecting to Kafka', () => Promise.reject(new Error('bad password')))).rejects.toThrow(
    'bad password',
  )
})

test('a service that has started, or stops, is not watched', async () => {
  const started = openWatch()
  started.end()
  const stopping = openWatch()
  void stopping.step('connecting to Kafka', never)
  stopping.stop.abort()
  await pass(10 * minuteMs)
  expect(started.messages()).toEqual([])
  expect(stopping.messages()).toEqual([])
})

test('a process that was frozen for an hour, or whose clock is set, has not been silent', async () => {
  const { fail } = openWatch()
  await pass(2 * minuteMs)
  const frozenFor = performance.now() + 60 * minuteMs
  vi.spyOn(performance, 'now').mockImplementation(() => frozenFor)
  vi.setSystemTime(Date.now() + 60 * minuteMs)
  await pass(0.5 * minuteMs)
  expect(fail).not.toHaveBeenCalled()
  vi.restoreAllMocks()
})
