import { setTimeout as delay } from 'node:timers/promises'
import { type ProducerRecord, sizeOf } from './record.ts'
import { backOffMs, classify, TransientError } from '../calls/retry.ts'
import { type Call, createOpenCalls, type Waiting } from './open-calls.ts'

export type SendQueueOptions = {
  /** Sends the records as one; all that came before have been answered. */
  deliver(records: readonly ProducerRecord[]): Promise<void>
  gate?: Gate | undefined
  lingerMs: number
  maxBatchBytes: number
  maxPendingBytes: number
}

/** What deliveries pass. It can make them wait while calls are held. */
export type Gate = {
  /** Resolves when a delivery may begin. `leave` is called when it is over. */
  enter(): Promise<void>
  leave(): void
  /** Called with what waits in all when a call has been added. */
  noteWaiting(waiting: Waiting): void
}

export type SendQueue = {
  /**
   * Resolves when `deliver` has taken all `records`. Calls made while a delivery is under way travel together in the next
   * one; records keep their order. Rejects with a TransientError at once when too much is waiting.
   * With `holdMs`, the call is held while deliveries fail for a transient reason: they are repeated until one succeeds,
   * or until `holdMs` has passed, when the call rejects with a TransientError. The records may be there then, or not.
   */
  send(records: readonly ProducerRecord[], holdMs?: number): Promise<void>
  /** From now on, no call is held for longer than `ms`. */
  holdAtMost(ms: number): void
  /** The calls that have not been answered. */
  waiting(): Waiting
  /** Resolves when every call has been answered. */
  idle(): Promise<void>
}

/** A part of a call that fits into one delivery. `alone`: it travelled with others in a delivery that was refused. */
type Group = { call: Call; records: readonly ProducerRecord[]; bytes: number; alone: boolean }

/** Between deliveries that fail for a transient reason. `deliver` itself takes its time to find out. */
const holdBackOff = { firstMs: 100, maxMs: 1000 }

/** Turns calls that come at any time into one delivery after the other, each of at most `maxBatchBytes`. */
export function createSendQueue({
  deliver,
  gate,
  lingerMs,
  maxBatchBytes,
  maxPendingBytes,
}: SendQueueOptions): SendQueue {
  const queue: Group[] = []
  const calls = createOpenCalls(maxPendingBytes)
  let isFlushing = false

  async function flush(): Promise<void> {
    isFlushing = true
    if (lingerMs > 0) await delay(lingerMs)
    for (let failures = 0; queue.length > 0;) {
      await gate?.enter()
      failures = (await deliverBatch(takeBatch(queue, maxBatchBytes))) ? 0 : failures + 1
      gate?.leave()
      if (failures > 0) await delay(backOffMs(holdBackOff, failures, Math.random()))
    }
    isFlushing = false
  }

  /** Resolves with false when part of the batch is back in the queue because nothing could be delivered. */
  async function deliverBatch(batch: Group[]): Promise<boolean> {
    const records = batch.flatMap((group) => group.records)
    if (records.length === 0) return true
    try {
      await deliver(records)
      for (const { call } of batch) calls.settle(call)
      return true
    } catch (error) {
      const isOutage = classify(error) === 'transient'
      // One record that the broker refuses must not cost its neighbours: they go again, each group for itself. An outage
      // is no refusal: trying each by itself would only make them all wait for the last.
      const goesAgain = isOutage ? ({ call }: Group) => call.timer && !call.isOver : () => batch.length > 1
      const again = batch.filter(goesAgain)
      for (const group of batch) if (!goesAgain(group)) calls.settle(group.call, error)
      if (!isOutage) for (const group of again) group.alone = true
      queue.unshift(...again)
      return !isOutage || again.length === 0
    }
  }

  return {
    send(records, holdMs) {
      if (records.length === 0) return Promise.resolve()
      const bytes = records.reduce((sum, record) => sum + sizeOf(record), 0)
      return new Promise((done, fail) => {
        const call = calls.open(bytes, holdMs, { done, fail })
        if (!call) return fail(new TransientError('too many records are waiting for the broker'))
        for (const group of splitGroups(records, maxBatchBytes, call)) {
          call.openGroups++
          queue.push(group)
        }
        gate?.noteWaiting(calls.waiting())
        if (!isFlushing) void flush()
      })
    },
    holdAtMost: calls.holdAtMost,
    waiting: calls.waiting,
    idle: calls.idle,
  }
}

/** The records of one call in groups of at most `limit` bytes; a larger record is a group of its own. */
function* splitGroups(records: readonly ProducerRecord[], limit: number, call: Call): Generator<Group> {
  let group: ProducerRecord[] = []
  let bytes = 0
  for (const record of records) {
    const size = sizeOf(record)
    if (group.length > 0 && bytes + size > limit) {
      yield { call, records: group, bytes, alone: false }
      group = []
      bytes = 0
    }
    group.push(record)
    bytes += size
  }
  yield { call, records: group, bytes, alone: false }
}

/**
 * Takes from the front of `queue` what fits into one delivery: kafkajs makes one record batch per partition of it, and the
 * broker holds that batch, not the record, against max.message.bytes. What is left of an answered call is dropped, so that
 * its records keep their order when they are sent again.
 */
function takeBatch(queue: Group[], limit: number): Group[] {
  const batch: Group[] = []
  let bytes = 0
  for (let next = queue[0]; next && fits(next); next = queue[0]) {
    queue.shift()
    if (next.call.isOver) continue
    bytes += next.bytes
    batch.push(next)
  }
  return batch

  function fits(group: Group): boolean {
    if (batch.length === 0 || group.call.isOver) return true
    return !group.alone && !batch[0]?.alone && bytes + group.bytes <= limit
  }
}
