import { setTimeout as delay } from 'node:timers/promises'
import type { ProducerRecord } from './record.ts'
import { classify, TransientError } from '../calls/retry.ts'

export type SendQueueOptions = {
  /** Sends the records as one; all that came before have been answered. */
  deliver(records: readonly ProducerRecord[]): Promise<void>
  lingerMs: number
  maxBatchBytes: number
  maxPendingBytes: number
}

export type SendQueue = {
  /**
   * Resolves when `deliver` has taken all `records`. Calls made while a delivery is under way travel together in the next
   * one; records keep their order. Rejects with a TransientError at once when too much is waiting.
   */
  send(records: readonly ProducerRecord[]): Promise<void>
  /** Resolves when nothing is under way. */
  idle(): Promise<void>
}

/** One call of `send`, and a part of it that fits into one delivery. */
type Call = { bytes: number; openGroups: number; failed: boolean; done(): void; fail(error: unknown): void }
type Group = { call: Call; records: ProducerRecord[]; bytes: number }

/** Turns calls that come at any time into one delivery after the other, each of at most `maxBatchBytes`. */
export function createSendQueue({ deliver, lingerMs, maxBatchBytes, maxPendingBytes }: SendQueueOptions): SendQueue {
  const queue: Group[] = []
  let pendingBytes = 0
  let flushing: Promise<void> | null = null

  async function flush(): Promise<void> {
    if (lingerMs > 0) await delay(lingerMs)
    while (queue.length > 0) await deliverBatch(takeBatch(queue, maxBatchBytes))
    flushing = null
  }

  async function deliverBatch(batch: Group[]): Promise<void> {
    const records = batch.flatMap((group) => group.records)
    if (records.length === 0) return
    try {
      await deliver(records)
      for (const group of batch) settle(group)
    } catch (error) {
      // One record that the broker refuses must not cost its neighbours: they go again, each group for itself. An outage
      // is no refusal: trying each by itself would only make them all wait for the last.
      if (batch.length > 1 && classify(error) === 'unknown')
        for (const group of batch) await deliverBatch(group.call.failed ? [] : [group])
      else for (const group of batch) settle(group, error)
    }
  }

  function settle({ call }: Group, error?: unknown): void {
    if (call.failed) return
    call.failed = error !== undefined
    if (!call.failed && --call.openGroups > 0) return
    pendingBytes -= call.bytes
    if (call.failed) call.fail(error)
    else call.done()
  }

  return {
    send(records) {
      if (records.length === 0) return Promise.resolve()
      const bytes = records.reduce((sum, record) => sum + sizeOf(record), 0)
      if (pendingBytes > 0 && pendingBytes + bytes > maxPendingBytes)
        return Promise.reject(new TransientError('too many records are waiting for the broker'))
      pendingBytes += bytes
      return new Promise((done, fail) => {
        const call: Call = { bytes, openGroups: 0, failed: false, done, fail }
        for (const group of splitGroups(records, maxBatchBytes, call)) {
          call.openGroups++
          queue.push(group)
        }
        flushing ??= flush()
      })
    },
    idle: async () => void (await flushing),
  }
}

/** The records of one call in groups of at most `limit` bytes; a larger record is a group of its own. */
function* splitGroups(records: readonly ProducerRecord[], limit: number, call: Call): Generator<Group> {
  let group: Group = { call, records: [], bytes: 0 }
  for (const record of records) {
    const size = sizeOf(record)
    if (group.records.length > 0 && group.bytes + size > limit) {
      yield group
      group = { call, records: [], bytes: 0 }
    }
    group.records.push(record)
    group.bytes += size
  }
  yield group
}

/**
 * Takes from the front of `queue` what fits into one delivery: kafkajs makes one record batch per partition of it, and the
 * broker holds that batch, not the record, against max.message.bytes. What is left of a failed call is dropped, so that
 * its records keep their order when they are sent again.
 */
function takeBatch(queue: Group[], limit: number): Group[] {
  const batch: Group[] = []
  let bytes = 0
  for (let next = queue[0]; next && (batch.length === 0 || bytes + next.bytes <= limit); next = queue[0]) {
    queue.shift()
    if (next.call.failed) continue
    bytes += next.bytes
    batch.push(next)
  }
  return batch
}

function sizeOf({ key, value, headers }: ProducerRecord): number {
  let size = 100 + (key?.length ?? 0) + (value?.length ?? 0)
  for (const [name, header] of Object.entries(headers)) size += name.length + (header?.length ?? 0) + 8
  return size
}
