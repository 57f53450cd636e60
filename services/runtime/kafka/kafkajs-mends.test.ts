import { createRequire } from 'node:module'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import './kafkajs-mends.ts'

const require = createRequire(import.meta.url)
/** An object of a class of kafkajs, without what its constructor does. */
const make = <T>(file: string, members: object): T =>
  Object.assign(
    Object.create((require(`kafkajs/src/${file}`) as { prototype: object }).prototype) as object,
    members,
  ) as T

describe("kafkajs' queue of requests", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] }))
  afterEach(() => void vi.useRealTimers())

  type Entry = { entry: { correlationId: number }; expectResponse: boolean; sendRequest(): void }
  type Queue = { checkPendingRequests(): void; maybeThrottle(ms: number): void; push(request: Entry): void }
  const RequestQueue = require('kafkajs/src/network/requestQueue/index.js') as { new (options: object): Queue }
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

describe('a question to any broker', () => {
  type Pool = { withBroker(ask: (of: { nodeId: string }) => Promise<string>): Promise<unknown> }
  const pool = make<Pool>('cluster/brokerPool.js', {
    brokers: { 1: {}, 2: {} },
    findBroker: () => Promise.resolve({}),
  })

  test('is answered by the one that can', async () => {
    const asked: string[] = []
    const answer = pool.withBroker(async ({ nodeId }) => {
      if (asked.push(nodeId) === 1) throw new Error('not now')
      return nodeId
    })
    expect(await answer).toBe(asked[1])
  })

  test('that all refuse says why', async () => {
    await expect(pool.withBroker(() => Promise.reject(new Error('not authorized')))).rejects.toThrow('not authorized')
  })
})

test('a topic that the last answer of a broker lacks is unknown, not empty', () => {
  type Cluster = { findTopicPartitionMetadata(topic: string): unknown }
  const topicMetadata = [{ topic: 'known', partitionMetadata: [{ partitionId: 0, leader: 1 }] }]
  const cluster = make<Cluster>('cluster/index.js', { brokerPool: { metadata: { topicMetadata } } })
  expect(cluster.findTopicPartitionMetadata('known')).toHaveLength(1)
  const unknown = expect.objectContaining({ type: 'UNKNOWN_TOPIC_OR_PARTITION', retriable: true })
  expect(() => cluster.findTopicPartitionMetadata('other')).toThrow(unknown)
})
