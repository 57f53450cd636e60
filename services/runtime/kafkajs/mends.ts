// What kafkajs 2.2.4, its last release, does wrong, and no setting of it changes. Import this for its effect.
import { createRequire } from 'node:module'
import { type Message, type TopicBatches, writeProduce } from './write-produce.ts'

const require = createRequire(import.meta.url)
const prototypeOf = <T>(file: string) => (require(`kafkajs/src/${file}`) as { prototype: T }).prototype

// It looks for waiting requests every millisecond on each connection, also when none waits, which takes three percent of
// a core in a service at rest (https://github.com/tulios/kafkajs/issues/1556, 1704). What puts one in the queue asks for
// the look itself.
type Request = { requestTimeout: number; dueAt?: number; timeoutRequest(): void }
type Queue = {
  pending: unknown[]
  maxInFlightRequests: number | null
  throttledUntilMs?: number
  throttleCheckTimeoutId: NodeJS.Timeout | null
  inflight: Map<number, Request>
  enforceRequestTimeout?: boolean
  requestTimeout: number
  requestTimeoutIntervalId?: NodeJS.Timeout | undefined
  maybeThrottle(ms: number | null): void
  canSendSocketRequestImmediately(): boolean
  checkPendingRequests(): void
  scheduleCheckPendingRequests(): void
  scheduleRequestTimeoutCheck(): void
  sendSocketRequest(request: Request): void
  destroy(): void
}
const queue = prototypeOf<Queue>('network/requestQueue/index.js')
const { sendSocketRequest, destroy } = queue
const throttledMs = ({ throttledUntilMs = 0 }: Queue) => throttledUntilMs - performance.now()
queue.scheduleCheckPendingRequests = function () {
  const ms = throttledMs(this)
  // What waits for an answer of another is looked for when that comes.
  if (this.pending.length === 0 || ms <= 0 || this.throttleCheckTimeoutId) return
  const look = () => {
    this.throttleCheckTimeoutId = null
    this.checkPendingRequests()
  }
  this.throttleCheckTimeoutId = setTimeout(look, Math.ceil(ms))
}

// How long a broker wants to be left alone it measures with a clock that may be set: back by an hour, and it waits an hour.
queue.maybeThrottle = function (ms) {
  if (ms !== null) this.throttledUntilMs = performance.now() + Math.max(ms, throttledMs(this))
}
queue.canSendSocketRequestImmediately = function () {
  const isFull = this.maxInFlightRequests !== null && this.inflight.size >= this.maxInFlightRequests
  return !isFull && throttledMs(this) <= 0
}

// It looks ten times a second on each connection for requests that were not answered in time, and measures that time with a
// clock that may be set. When the first of them is due is known, and none is while nothing is under way.
queue.scheduleRequestTimeoutCheck = function () {
  if (!this.enforceRequestTimeout || this.requestTimeoutIntervalId || this.inflight.size === 0) return
  const leftMs = (request: Request) => (request.dueAt ?? Infinity) - performance.now()
  const look = () => {
    this.requestTimeoutIntervalId = undefined
    for (const request of [...this.inflight.values()]) if (leftMs(request) <= 0) request.timeoutRequest()
    this.scheduleRequestTimeoutCheck()
  }
  // No request that is sent meanwhile is due before `requestTimeout` has passed.
  const firstMs = Math.min(this.requestTimeout, ...Array.from(this.inflight.values(), leftMs))
  // The socket of a request keeps its process, the timer does not. One that is late may be ended after another is sent.
  this.requestTimeoutIntervalId = setTimeout(look, Math.max(0, Math.ceil(firstMs))).unref()
}
queue.sendSocketRequest = function (request) {
  request.dueAt = performance.now() + request.requestTimeout
  sendSocketRequest.call(this, request)
  this.scheduleRequestTimeoutCheck()
}
queue.destroy = function () {
  destroy.call(this)
  this.requestTimeoutIntervalId = undefined
}

// It asks one broker after the other for the coordinator of a group, and makes "Failed to find group coordinator" of
// whatever they answer, which it never tries again (https://github.com/tulios/kafkajs/issues/1654). So a user who may not
// use the group is not told so, and an outage looks like an error that nobody thought of.
type Ask = (of: { nodeId: string; broker: object }) => Promise<unknown>
type Pool = {
  metadataExpireAt: number | null
  refreshMetadata(topics: string[]): Promise<void>
  refreshMetadataIfNecessary(topics: string[]): Promise<void>
  withBroker(ask: Ask): Promise<unknown>
  agesAtMs?: number
  metadataMaxAge: number
}
const pool = prototypeOf<Pool>('cluster/brokerPool.js')
const { withBroker, refreshMetadata, refreshMetadataIfNecessary } = pool
pool.withBroker = async function (ask) {
  const failures: unknown[] = []
  const answer = await withBroker.call(this, async (of) =>
    ask(of).catch((error: unknown) => {
      failures.push(error)
      throw error
    }),
  )
  if (failures.length > 0 && answer === null) throw failures.at(-1)
  return answer
}

// Whether what it knows of the brokers is old it asks a clock that may be set, too.
pool.refreshMetadata = async function (topics) {
  await refreshMetadata.call(this, topics)
  this.agesAtMs = performance.now() + this.metadataMaxAge
}
pool.refreshMetadataIfNecessary = async function (topics) {
  if (performance.now() > (this.agesAtMs ?? 0)) this.metadataExpireAt = null
  await refreshMetadataIfNecessary.call(this, topics)
}

// It commits to the broker that was the coordinator when the member joined, also after that one has said that another is
// now (https://github.com/tulios/kafkajs/pull/1779). Heartbeats notice it, but commits of a member that has not yet begun
// to fetch fail until then.
type Group = { groupId: string; cluster: { findGroupCoordinator(of: { groupId: string }): Promise<object> } }
type Offsets = Group & { coordinator: object; commitOffsets(offsets: object): Promise<void> }
const offsets = prototypeOf<Offsets>('consumer/offsetManager/index.js')
const { commitOffsets } = offsets
offsets.commitOffsets = async function (offsets) {
  try {
    await commitOffsets.call(this, offsets)
  } catch (error) {
    if ((error as { type?: unknown }).type === 'NOT_COORDINATOR_FOR_GROUP')
      this.coordinator = await this.cluster.findGroupCoordinator(this).catch(() => this.coordinator)
    throw error
  }
}

// Of several questions for metadata at once, each over another broker, an answer that lacks the topics that were added
// meanwhile may come last. A topic that is not in it is taken for one without partitions: nothing of it is assigned, and
// who asks for its offsets gets a TypeError. As an unknown topic it is asked for again.
type Cluster = { findTopicPartitionMetadata(topic: string): unknown[] }
const cluster = prototypeOf<Cluster>('cluster/index.js')
const { findTopicPartitionMetadata } = cluster
const { createErrorFromCode } = require('kafkajs/src/protocol/error.js') as { createErrorFromCode(code: number): Error }
const unknownTopic = 3
cluster.findTopicPartitionMetadata = function (topic) {
  const partitions = findTopicPartitionMetadata.call(this, topic)
  if (partitions.length === 0) throw createErrorFromCode(unknownTopic)
  return partitions
}

// Whether a heartbeat is due it asks a clock that may be set. When that is set back by ten minutes, it says nothing for ten
// minutes, and the group goes on without it. It does not notice: it goes on reading what it was assigned before.
type Member = { lastRequest: number; dueAt?: number; heartbeat(of: { interval: number }): Promise<void> }
const member = prototypeOf<Member>('consumer/consumerGroup.js')
const { heartbeat } = member
member.heartbeat = async function (of) {
  if (performance.now() < (this.dueAt ?? 0)) return
  this.lastRequest = 0
  await heartbeat.call(this, of)
  this.dueAt = performance.now() + of.interval
}

// It writes each record, each header and each number into a buffer of its own, copies the whole request five times into
// buffers that it first fills with zeros, and takes one byte after the other for the checksum: five times the CPU of the same
// bytes in one go. So are written all that have no compression, transaction, sequence number or time of their own.
type Encoder = { buf: Buffer; offset: number; ensureAvailable(bytes: number): void }
const EncoderClass = require('kafkajs/src/protocol/encoder.js') as { new (size: number): Encoder; prototype: Encoder }
EncoderClass.prototype.ensureAvailable = function (bytes) {
  const { buf, offset } = this
  if (offset + bytes <= buf.length) return
  this.buf = Buffer.allocUnsafe(2 ** Math.ceil(Math.log2(offset + bytes)))
  buf.copy(this.buf, 0, 0, offset)
}
type Produce = { acks: number; timeout: number; topicData: readonly TopicBatches[] } & {
  compression?: number
  transactionalId?: string | null
  producerId?: unknown
}
// kafkajs loads the file when it first sends.
const requestFile = require.resolve('kafkajs/src/protocol/requests/produce/v3/request.js')
const makeRequest = require(requestFile) as (of: Produce) => { encode(): Promise<Encoder> }
;(require.cache[requestFile] as NodeModule).exports = (of: Produce) => {
  const request = makeRequest(of)
  const { acks, timeout, topicData, compression = 0, transactionalId = null, producerId = -1 } = of
  const isTimed = (messages: readonly Message[]) => messages.some(({ timestamp }) => timestamp !== undefined)
  const isPlain = compression === 0 && transactionalId === null && String(producerId) === '-1'
  if (!isPlain || topicData.some(({ partitions }) => partitions.some(({ messages }) => isTimed(messages))))
    return request
  const encode = () => {
    const buf = writeProduce(acks, timeout, topicData)
    return Promise.resolve(Object.assign(new EncoderClass(1), { buf, offset: buf.length }))
  }
  return { ...request, encode }
}
