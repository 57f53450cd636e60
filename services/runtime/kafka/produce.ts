import { CompressionTypes, type Message } from 'kafkajs'
import { createAnswerCheck } from './unacknowledged.ts'
import type { KafkaSettings, ProducerSettings } from '../process/settings.ts'
import { createKafka } from './client.ts'
import { messagesProduced, produceDuration } from '../process/metrics.ts'
import type { ProducerRecord } from './record.ts'
import { createSendQueue } from './send-queue.ts'
import type { ServiceContext } from '../process/service.ts'

export type Producer = {
  /**
   * Resolves when all in-sync replicas have all `records` (acks=-1). On an error some may be there: send them again.
   * Calls made while a send is under way travel together in the next one; records keep their order.
   * Rejects with a TransientError at once when too much is waiting (PRODUCE_MAX_PENDING_BYTES).
   */
  send(records: readonly ProducerRecord[]): Promise<void>
}

/** Size of one send: below the 1 MiB that brokers take by default. A single larger record travels alone. */
const maxBatchBytes = 900_000

/**
 * A producer with one outstanding send. More would let kafkajs lose acknowledged records, whatever its idempotent flag
 * says: a retry may reuse a sequence number (https://github.com/tulios/kafkajs/issues/1005).
 */
export async function openProducer(
  settings: KafkaSettings & ProducerSettings,
  context: Pick<ServiceContext, 'name' | 'log' | 'scope'>,
  /** How long a record waits for others to travel with it. */
  lingerMs = 0,
): Promise<Producer> {
  const check = createAnswerCheck()
  const client = createKafka(settings, context.name, context.log).producer({
    allowAutoTopicCreation: false,
    idempotent: false,
    maxInFlightRequests: 1,
    createPartitioner: () => check.partition,
  })
  await client.connect()

  async function deliver(records: readonly ProducerRecord[]): Promise<void> {
    const byTopic = Map.groupBy(records, ({ topic }) => topic)
    const topicMessages = [...byTopic].map(([topic, those]) => ({
      topic,
      messages: those.map(({ topic: _, ...message }) => message as Message),
    }))
    const end = produceDuration.startTimer()
    try {
      check.start()
      check.end(
        await client.sendBatch({ topicMessages, acks: -1, timeout: 10_000, compression: CompressionTypes.None }),
      )
    } finally {
      end()
    }
    for (const { topic, messages } of topicMessages) messagesProduced.inc({ topic }, messages.length)
  }

  const queue = createSendQueue({
    deliver,
    lingerMs,
    maxBatchBytes,
    maxPendingBytes: settings.PRODUCE_MAX_PENDING_BYTES,
  })
  context.scope.defer(async () => {
    await queue.idle()
    await client.disconnect()
  })
  return { send: (records) => queue.send(records) }
}
