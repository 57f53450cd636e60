import { KafkaJSConnectionError, KafkaJSNumberOfRetriesExceeded, KafkaJSProtocolError } from 'kafkajs'
import { expect, test } from 'vitest'
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
  return { deliveries, send: (...keys: string[]) => queue.send(keys.map(record)) }
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
