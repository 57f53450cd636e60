import { KafkaJSConnectionError, KafkaJSNumberOfRetriesExceeded, KafkaJSProtocolError } from 'kafkajs'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { ProducerRecord } from './record.ts'
import { createSendQueue } from './send-queue.ts'

const record = (key: string): ProducerRecord => ({ topic: 't', key, value: Buffer.alloc(10), headers: {} })
const limits = { lingerMs: 1, maxBatchBytes: 100_000, maxPendingBytes: 100_000 }

/** A queue whose deliveries are recorded, as the keys they carry, and judged by `refuse`. */
function openQueue(refuse: (keys: string[]) => Error | null) {
  const deliveries: string[][] = []
  const queue = createSendQueue({
    ...limits,
    async deliver(records) {
      const keys = records.map(({ key }) => String(key))
      deliveries.push(keys)
      const error = refuse(keys)
      if (error) throw error
    },
  })
  return { deliveries, queue, send: (...keys: string[]) => queue.send(keys.map(record)) }
}

test('an outage is told to all that travelled together, and is not tried call by call', async () => {
  const cause = new KafkaJSConnectionError('Connection error', { broker: 'b', code: 'ECONNREFUSED' })
  const outage = new KafkaJSNumberOfRetriesExceeded(cause, { retryCount: 5, retryTime: 2000 })
  const { deliveries, send } = openQueue(() => outage)
  const results = await Promise.allSettled([send('a'), send('b'), send('c')])
  expect(results.map((result) => result.status === 'rejected' && result.reason)).toEqual([outage, outage, outage])
  expect(deliveries).toEqual([['a', 'b', 'c']])
})

test('what the broker refuses goes alone, its neighbours without it', async () => {
  const tooLarge = new KafkaJSProtocolError(
    Object.assign(new Error('too large'), { type: 'MESSAGE_TOO_LARGE', code: 10, retriable: false }),
  )
  const { deliveries, send } = openQueue((keys) => (keys.includes('large') ? tooLarge : null))
  const results = await Promise.allSettled([send('a'), send('b', 'large'), send('c')])
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  expect(deliveries).toEqual([['a', 'b', 'large', 'c'], ['a'], ['b', 'large'], ['c']])
})

describe('held calls', () => {
  const refused = new KafkaJSConnectionError('Connection error', { broker: 'b', code: 'ECONNREFUSED' })
  const outcomeOf = (call: Promise<void>) => call.then(() => 'sent').catch((error: Error) => error.message)

  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  test('are sent in their order when the broker is back, others fail at once', async () => {
    let isAway = true
    const { deliveries, queue } = openQueue(() => (isAway ? refused : null))
    const calls = [queue.send([record('a')], 10_000), queue.send([record('b')]), queue.send([record('c')], 10_000)]
    const outcomes = Promise.all(calls.map(outcomeOf))
    await vi.advanceTimersByTimeAsync(5000)
    expect(await outcomeOf(calls[1] as Promise<void>)).toBe('Connection error')
    const later = outcomeOf(queue.send([record('d')], 10_000))
    isAway = false
    await vi.advanceTimersByTimeAsync(2000)
    expect(await outcomes).toEqual(['sent', 'Connection error', 'sent'])
    expect(await later).toBe('sent')
    expect(deliveries.at(-1)).toEqual(['a', 'c', 'd'])
    expect(deliveries.slice(1, -1).every((keys) => keys.join() === 'a,c' || keys.join() === 'a,c,d')).toBe(true)
  })

  test('end at their deadline, their bytes are free again, and they are not sent any more', async () => {
    let isAway = true
    const { deliveries, queue } = openQueue(() => (isAway ? refused : null))
    const large = { ...record('large'), value: Buffer.alloc(60_000) }
    const first = outcomeOf(queue.send([large], 1000))
    expect(await outcomeOf(queue.send([large], 1000))).toBe('too many records are waiting for the broker')
    await vi.advanceTimersByTimeAsync(1001)
    expect(await first).toBe('not acknowledged within 1000 ms')
    const second = outcomeOf(queue.send([record('small')], 5000))
    isAway = false
    await vi.advanceTimersByTimeAsync(2000)
    expect(await second).toBe('sent')
    expect(deliveries.at(-1)).toEqual(['small'])
  })

  test('end at their deadline also while a delivery hangs', async () => {
    const queue = createSendQueue({ ...limits, deliver: () => new Promise<void>(() => undefined) })
    const call = outcomeOf(queue.send([record('a')], 1000))
    await vi.advanceTimersByTimeAsync(1001)
    expect(await call).toBe('not acknowledged within 1000 ms')
  })

  test('end early when the service stops, those that come later too', async () => {
    const { queue } = openQueue(() => refused)
    const before = outcomeOf(queue.send([record('a')], 100_000))
    queue.holdAtMost(2000)
    await vi.advanceTimersByTimeAsync(1000)
    const after = outcomeOf(queue.send([record('b')], 100_000))
    await vi.advanceTimersByTimeAsync(1001)
    expect(await before).toBe('not acknowledged within 2000 ms')
    expect(await after).toMatch(/^not acknowledged within \d+ ms$/)
    await expect(Promise.race([queue.idle().then(() => 'idle'), vi.advanceTimersByTimeAsync(5000)])).resolves.toBe(
      'idle',
    )
  })

  test('what the broker refuses does not hold up its neighbours', async () => {
    const tooLarge = new KafkaJSProtocolError(
      Object.assign(new Error('too large'), { type: 'MESSAGE_TOO_LARGE', code: 10, retriable: false }),
    )
    const { deliveries, queue } = openQueue((keys) => (keys.includes('large') ? tooLarge : null))
    const calls = ['a', 'large', 'c'].map((key) => outcomeOf(queue.send([record(key)], 10_000)))
    await vi.advanceTimersByTimeAsync(100)
    expect(await Promise.all(calls)).toEqual(['sent', 'too large', 'sent'])
    expect(deliveries).toEqual([['a', 'large', 'c'], ['a'], ['large'], ['c']])
  })
})
