// What kafkajs 2.2.4, its last release, does wrong, and no setting of it changes. Import this for its effect.
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
const prototypeOf = <T>(file: string) => (require(`kafkajs/src/${file}`) as { prototype: T }).prototype

// It looks for waiting requests every millisecond on each connection, also when none waits, which takes three percent of
// a core in a service at rest (https://github.com/tulios/kafkajs/issues/1556, 1704). What puts one in the queue asks for
// the look itself.
type Request = { requestTimeout: number; dueAt?: number; timeoutRequest(): void }
type Queue = {
  pending: unknown[]
  inflight: Map<number, Request>
  enforceRequestTimeout?: boolean
  requestTimeout: number
  requestTimeoutIntervalId?: NodeJS.Timeout | undefined
  scheduleCheckPendingRequests(): void
  scheduleRequestTimeoutCheck(): void
  sendSocketRequest(request: Request): void
  destroy(): void
}
const queue = prototypeOf<Queue>('network/requestQueue/index.js')
const { scheduleCheckPendingRequests, sendSocketRequest, destroy } = queue
queue.scheduleCheckPendingRequests = function () {
  if (this.pending.length > 0) scheduleCheckPendingRequests.call(this)
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
type Pool = { withBroker(ask: Ask): Promise<unknown> }
const pool = prototypeOf<Pool>('cluster/brokerPool.js')
const { withBroker } = pool
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
