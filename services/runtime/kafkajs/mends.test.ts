import { createRequire } from 'node:module'
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import './mends.ts'

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

  type Entry = {
    entry: { correlationId: number; resolve?(): void; reject?(error: Error): void }
    expectResponse: boolean
    requestTimeout?: number
    sendRequest(): void
  }
  type Queue = {
    checkPendingRequests(): void
    maybeThrottle(ms: number): void
    push(request: Entry): void
    scheduleRequestTimeoutCheck(): void
    fulfillRequest(answer: { correlationId: number; payload: null; size: number }): void
    destroy(): void
  }
  const RequestQueue = require('kafkajs/src/network/requestQueue/index.js') as { new (options: object): Queue }
  const makeQueue = (options = {}) =>
    new RequestQueue({ maxInFlightRequests: 10, requestTimeout: 1000, logger: { debug: () => undefined }, ...options })

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

  test('waits as long as a broker wants when its clock is set back', async () => {
    const queue = makeQueue()
    const send = vi.fn()
    queue.maybeThrottle(300)
    vi.setSystemTime(Date.now() - 3_600_000)
    queue.push({ entry: { correlationId: 1 }, expectResponse: true, sendRequest: send })
    queue.maybeThrottle(100)
    await vi.advanceTimersByTimeAsync(299)
    expect(send).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(1)
    expect(send).toHaveBeenCalledOnce()
  })

  test('sends at most so many at once, and the next when one is answered', () => {
    const queue = makeQueue({ maxInFlightRequests: 1 })
    const send = vi.fn()
    for (const correlationId of [1, 2])
      queue.push({ entry: { correlationId, resolve: () => undefined }, expectResponse: true, sendRequest: send })
    expect(send).toHaveBeenCalledOnce()
    expect(vi.getTimerCount()).toBe(0)
    queue.fulfillRequest({ correlationId: 1, payload: null, size: 0 })
    expect(send).toHaveBeenCalledTimes(2)
  })

  describe('with a limit of time', () => {
    const ended: string[] = []
    beforeEach(() => void (ended.length = 0))
    const note = (correlationId: number, how: string) => void ended.push(`${correlationId} ${how} at ${Date.now()}`)
    const makeTimed = () => {
      vi.setSystemTime(0)
      const queue = makeQueue({ enforceRequestTimeout: true })
      queue.scheduleRequestTimeoutCheck()
      const push = (correlationId: number, requestTimeout?: number) =>
        queue.push({
          ...{ expectResponse: true, sendRequest: () => undefined, requestTimeout },
          entry: {
            correlationId,
            resolve: () => note(correlationId, 'answered'),
            reject: ({ name }) => note(correlationId, name),
          },
        })
      const answer = (correlationId: number) => queue.fulfillRequest({ correlationId, payload: null, size: 0 })
      return { queue, push, answer }
    }

    test('ends each request when its own time is over, also one that came later', async () => {
      const { push, answer } = makeTimed()
      push(1)
      push(2, 3000)
      await vi.advanceTimersByTimeAsync(400)
      push(3)
      push(4)
      answer(4)
      await vi.advanceTimersByTimeAsync(1100)
      push(5)
      await vi.advanceTimersByTimeAsync(5000)
      const late = 'KafkaJSRequestTimeoutError at'
      expect(ended).toEqual([
        '4 answered at 400',
        `1 ${late} 1000`,
        `3 ${late} 1400`,
        `5 ${late} 2500`,
        `2 ${late} 3000`,
      ])
      expect(vi.getTimerCount()).toBe(0)
    })

    test('looks once in that time while requests are answered, and not at all when none is under way', async () => {
      const { push, answer } = makeTimed()
      expect(vi.getTimerCount()).toBe(0)
      const set = vi.spyOn(globalThis, 'setTimeout')
      for (let id = 0; id < 100; id++) {
        push(id)
        await vi.advanceTimersByTimeAsync(100)
        answer(id)
      }
      await vi.advanceTimersByTimeAsync(1000)
      expect(set.mock.calls.length).toBeLessThan(20)
      expect(vi.getTimerCount()).toBe(0)
    })

    test('watches the requests of a connection that is opened again', async () => {
      const { queue, push } = makeTimed()
      push(1)
      await vi.advanceTimersByTimeAsync(1000)
      push(2)
      queue.destroy()
      queue.scheduleRequestTimeoutCheck()
      await vi.advanceTimersByTimeAsync(1000)
      expect(ended).toHaveLength(2)
    })
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

test('what is known of the brokers becomes old when a clock is set back, too', async () => {
  vi.useFakeTimers({ toFake: ['Date', 'performance'] })
  onTestFinished(() => void vi.useRealTimers())
  type Pool = { refreshMetadataIfNecessary(topics: string[]): Promise<void> }
  const Pool = require('kafkajs/src/cluster/brokerPool.js') as { new (options: object): Pool }
  const quiet = { namespace: () => ({}) }
  const pool = new Pool({ connectionPoolBuilder: {}, logger: quiet, metadataMaxAge: 1000 })
  const metadata = vi.fn(() => Promise.resolve({ brokers: [], topicMetadata: [{ topic: 'one' }] }))
  const seedBroker = { metadata, connectionPool: {} }
  Object.assign(pool, { seedBroker, findConnectedBroker: () => Promise.resolve(seedBroker) })
  const ask = () => pool.refreshMetadataIfNecessary(['one'])

  await ask()
  vi.setSystemTime(Date.now() - 3_600_000)
  await ask()
  expect(metadata).toHaveBeenCalledOnce()
  vi.advanceTimersByTime(1001)
  await ask()
  expect(metadata).toHaveBeenCalledTimes(2)
})

test('a member still says that it lives when its clock is set back', async () => {
  vi.useFakeTimers({ toFake: ['Date'] })
  onTestFinished(() => void vi.useRealTimers())
  type Group = { memberId: string; coordinator: object; heartbeat(of: { interval: number }): Promise<void> }
  const Group = require('kafkajs/src/consumer/consumerGroup.js') as { new (options: object): Group }
  const quiet = { namespace: () => ({}) }
  const group = new Group({ topics: [], logger: quiet, instrumentationEmitter: { emit: () => undefined } })
  const heartbeat = vi.fn(() => Promise.resolve())
  Object.assign(group, { memberId: 'one', coordinator: { heartbeat } })
  const interval = 3000

  vi.setSystemTime(Date.now() - 600_000)
  await group.heartbeat({ interval })
  expect(heartbeat).toHaveBeenCalledOnce()
  await group.heartbeat({ interval })
  expect(heartbeat).toHaveBeenCalledOnce()
})

describe('a request to produce', () => {
  type Encoded = { buf: Buffer; buffer: Buffer }
  type Protocol = { protocol(of: { version: number }): (of: object) => { request: { encode(): Promise<Encoded> } } }
  const produce = require('kafkajs/src/protocol/requests/produce/index.js') as Protocol
  const encode = async (messages: object[], options: object = {}) => {
    const topicData = [{ topic: 'one', partitions: [{ partition: 0, firstSequence: 7, messages }] }]
    const of = { acks: -1, timeout: 1000, compression: 0, producerId: -1, producerEpoch: 0, topicData, ...options }
    return produce.protocol({ version: 7 })(of).request.encode()
  }
  // From the start of its batch: after no transaction, acks, timeout, one topic by name, one partition by number, and a size.
  const batchOf = ({ buffer }: Encoded) => buffer.subarray(2 + 2 + 4 + 4 + (2 + 3) + 4 + 4 + 4)
  const record = { key: '1', value: Buffer.from('value') }

  test('is written at once, into a buffer of its size', async () => {
    const { buf, buffer } = await encode([record])
    expect(buf).toHaveLength(buffer.length)
  })

  test.each([
    ['compression', { compression: 1 }, 22, 1],
    ['a transaction', { transactionalId: 'one', producerId: 5 }, 22 + 'one'.length, 16],
    ['a sequence number', { producerId: 5 }, 56, 7],
  ])('with %s has it', async (_, options, at, byte) => {
    expect(batchOf(await encode([record], options))[at]).toBe(byte)
  })

  test('with records that have a time keeps it', async () => {
    const batch = batchOf(await encode([record, { ...record, timestamp: '1700000000000' }]))
    expect(batch.readBigInt64BE(27)).toBe(1_700_000_000_000n)
  })
})
