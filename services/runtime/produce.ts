import { CompressionTypes, type Message, type Producer as Client } from 'kafkajs'
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

type Waiting = { records: readonly ProducerRecord[]; bytes: number; done(): void; fail(error: unknown): void }

/**
 * A producer with one outstanding send. More would let kafkajs lose acknowledged records, whatever its idempotent flag
 * says: a retry may reuse a sequence number (https://github.com/tulios/kafkajs/issues/1005).
 */
export async function openProducer(settings: KafkaSettings, context: ServiceContext): Promise<Producer> {
  const client = createKafka(settings, context.name, context.log).producer({
    allowAutoTopicCreation: false,
    idempotent: false,
    maxInFlightRequests: 1,
  })
  await client.connect()
  const queue: Waiting[] = []
  let pendingBytes = 0
  let flushing: Promise<void> | null = null

  async function flush(): Promise<void> {
    if (settings.PRODUCE_LINGER_MS > 0) await new Promise((done) => setTimeout(done, settings.PRODUCE_LINGER_MS))
    while (queue.length > 0) {
      const batch = takeBatch(queue, settings.PRODUCE_MAX_BATCH_BYTES)
      await deliver(client, batch)
      for (const { bytes } of batch) pendingBytes -= bytes
    }
    flushing = null
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
        for (const group of splitGroups(records, bytes, settings.PRODUCE_MAX_BATCH_BYTES, done, fail)) queue.push(group)
        flushing ??= flush()
      })
    },
  }
}

/** One call's records as groups of at most `limit` bytes; the call settles when its last group has, or its first fails. */
function splitGroups(
  records: readonly ProducerRecord[],
  bytes: number,
  limit: number,
  done: () => void,
  fail: (error: unknown) => void,
): Waiting[] {
  if (bytes <= limit) return [{ records, bytes, done, fail }]
  const groups: Waiting[] = []
  let open: ProducerRecord[] = []
  let size = 0
  const close = () => {
    if (open.length > 0)
      groups.push({ records: open, bytes: size, done: () => (--left === 0 ? done() : undefined), fail })
    open = []
    size = 0
  }
  for (const record of records) {
    const next = sizeOf(record)
    if (size + next > limit) close()
    open.push(record)
    size += next
  }
  close()
  let left = groups.length
  return groups
}

/** Takes from the front of `queue` what fits into one send. kafkajs makes one record batch per partition of it, and the
 *  broker measures that batch, not the record, against max.message.bytes. */
function takeBatch(queue: Waiting[], limit: number): Waiting[] {
  const batch: Waiting[] = []
  for (let size = 0; queue[0] && (batch.length === 0 || size + queue[0].bytes <= limit);) {
    size += queue[0].bytes
    batch.push(queue.shift() as Waiting)
  }
  return batch
}

async function deliver(client: Client, batch: Waiting[]): Promise<void> {
  const end = produceDuration.startTimer()
  try {
    await sendOnce(client, batch)
    for (const { done } of batch) done()
  } catch (error) {
    // One record that the broker refuses must not cost its neighbours: they go again, each call for itself.
    if (batch.length > 1 && (error as { retriable?: boolean }).retriable === false)
      for (const one of batch) await deliver(client, [one])
    else for (const { fail } of batch) fail(error)
  } finally {
    end()
  }
}

async function sendOnce(client: Client, batch: Waiting[]): Promise<void> {
  const byTopic = new Map<string, Message[]>()
  for (const { records } of batch)
    for (const { topic, ...message } of records) {
      const messages = byTopic.get(topic) ?? []
      byTopic.set(topic, messages)
      messages.push(message as Message)
    }
  const topicMessages = [...byTopic].map(([topic, messages]) => ({ topic, messages }))
  await client.sendBatch({ topicMessages, acks: -1, timeout: 10_000, compression: CompressionTypes.None })
  for (const { topic, messages } of topicMessages) messagesProduced.inc({ topic }, messages.length)
}

function sizeOf({ key, value, headers }: ProducerRecord): number {
  let size = 100 + (key?.length ?? 0) + (value?.length ?? 0)
  for (const [name, header] of Object.entries(headers)) size += name.length + (header?.length ?? 0) + 8
  return size
}
