import { setTimeout as delay } from 'node:timers/promises'
import { CompressionTypes, Partitioners, type Message, type Producer as Client } from 'kafkajs'
import type { KafkaSettings } from './config.ts'
import { createKafka } from './kafka.ts'
import { messagesProduced, produceDuration } from './metrics.ts'
import { TransientError } from './retry.ts'
import type { ServiceContext } from './service.ts'

/** A record as it goes to the broker. Keys are never missing: a record without one could change partition at each retry. */
export type ProducerRecord = {
  topic: string
  key: string | Buffer | null
  value: Buffer | null
  headers: Record<string, string | Buffer | (string | Buffer)[] | undefined>
  partition?: number
}

export type Producer = {
  /**
   * Resolves when all in-sync replicas have all `records` (acks=-1). On an error some may be there: send them again.
   * Calls made while a send is under way travel together in the next one; records keep their order.
   * Rejects with a TransientError at once when too much is waiting (PRODUCE_MAX_PENDING_BYTES).
   */
  send(records: readonly ProducerRecord[]): Promise<void>
}

/** One call of `send`, and a part of it that fits into one send. */
type Call = { bytes: number; openGroups: number; failed: boolean; done(): void; fail(error: unknown): void }
type Group = { call: Call; records: ProducerRecord[]; bytes: number }

/**
 * A producer with one outstanding send. More would let kafkajs lose acknowledged records, whatever its idempotent flag
 * says: a retry may reuse a sequence number (https://github.com/tulios/kafkajs/issues/1005).
 */
export async function openProducer(
  settings: KafkaSettings,
  context: Pick<ServiceContext, 'name' | 'log' | 'scope'>,
): Promise<Producer> {
  const client = createKafka(settings, context.name, context.log).producer({
    allowAutoTopicCreation: false,
    idempotent: false,
    maxInFlightRequests: 1,
    createPartitioner: Partitioners.DefaultPartitioner,
  })
  await client.connect()
  const queue: Group[] = []
  let pendingBytes = 0
  let flushing: Promise<void> | null = null

  async function flush(): Promise<void> {
    if (settings.PRODUCE_LINGER_MS > 0) await delay(settings.PRODUCE_LINGER_MS)
    while (queue.length > 0) await deliver(takeBatch(queue, settings.PRODUCE_MAX_BATCH_BYTES))
    flushing = null
  }

  async function deliver(batch: Group[]): Promise<void> {
    const end = produceDuration.startTimer()
    try {
      await sendOnce(client, batch)
      for (const group of batch) settle(group)
    } catch (error) {
      // One record that the broker refuses must not cost its neighbours: they go again, each group for itself.
      if (batch.length > 1 && (error as { retriable?: boolean }).retriable === false)
        for (const group of batch) await deliver(group.call.failed ? [] : [group])
      else for (const group of batch) settle(group, error)
    } finally {
      end()
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

  context.scope.defer(async () => {
    await flushing
    await client.disconnect()
  })
  return {
    send(records) {
      if (records.length === 0) return Promise.resolve()
      const bytes = records.reduce((sum, record) => sum + sizeOf(record), 0)
      if (pendingBytes > 0 && pendingBytes + bytes > settings.PRODUCE_MAX_PENDING_BYTES)
        return Promise.reject(new TransientError('too many records are waiting for the broker'))
      pendingBytes += bytes
      return new Promise((done, fail) => {
        const call: Call = { bytes, openGroups: 0, failed: false, done, fail }
        for (const group of splitGroups(records, settings.PRODUCE_MAX_BATCH_BYTES, call)) {
          call.openGroups++
          queue.push(group)
        }
        flushing ??= flush()
      })
    },
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
 * Takes from the front of `queue` what fits into one send: kafkajs makes one record batch per partition of it, and the
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

async function sendOnce(client: Client, batch: Group[]): Promise<void> {
  const byTopic = new Map<string, Message[]>()
  for (const { records } of batch)
    for (const { topic, ...message } of records) {
      const messages = byTopic.get(topic) ?? []
      byTopic.set(topic, messages)
      messages.push(message as Message)
    }
  if (byTopic.size === 0) return
  const topicMessages = [...byTopic].map(([topic, messages]) => ({ topic, messages }))
  await client.sendBatch({ topicMessages, acks: -1, timeout: 10_000, compression: CompressionTypes.None })
  for (const { topic, messages } of topicMessages) messagesProduced.inc({ topic }, messages.length)
}

function sizeOf({ key, value, headers }: ProducerRecord): number {
  let size = 100 + (key?.length ?? 0) + (value?.length ?? 0)
  for (const [name, header] of Object.entries(headers)) size += name.length + (header?.length ?? 0) + 8
  return size
}
