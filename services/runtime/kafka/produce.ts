import { CompressionTypes, type Message, type Producer as Client } from 'kafkajs'
import { createAnswerCheck } from './unacknowledged.ts'
import { measureBuffer } from '../observe/buffer.ts'
import { traceSend } from '../observe/tracing.ts'
import type { KafkaSettings, ProducerSettings } from '../process/settings.ts'
import { createKafka, metadataMaxAgeMs } from './client.ts'
import { messagesProduced, produceDuration } from '../process/metrics.ts'
import { headerText, type ProducerRecord } from './record.ts'
import { createSendQueue, type Gate } from './send-queue.ts'
import type { ServiceContext } from '../process/service.ts'
import { classify } from '../calls/retry.ts'

export type Producer = {
  /**
   * Resolves when all in-sync replicas have all `records` (acks=-1). On an error some may be there: send them again.
   * Calls made while a send is under way travel together in the next one; records keep their order.
   * Rejects with a TransientError at once when too much is waiting (PRODUCE_MAX_PENDING_BYTES).
   * With `holdMs`, the records are sent again until then while no broker takes them (send-queue.ts).
   */
  send(records: readonly ProducerRecord[], holdMs?: number): Promise<void>
}

export type ProducerContext = Pick<ServiceContext, 'name' | 'log' | 'scope'> & Partial<Pick<ServiceContext, 'step'>>

export type ProducerOptions = {
  /** How long a record waits for others to travel with it. */
  lingerMs?: number
  /** From this signal on, no record is held for longer than `stopHoldMs`. */
  stopping?: AbortSignal
  stopHoldMs?: number
  gate?: Gate
}

/** Size of one send: below the 1 MiB that brokers take by default. A single larger record travels alone. */
const maxBatchBytes = 900_000

/** How long the broker waits for its replicas, and we for the broker: after that another connection is tried. */
const acknowledgeMs = 10_000
const requestTimeoutMs = 15_000

/**
 * A producer with one outstanding send. More would let kafkajs lose acknowledged records, whatever its idempotent flag
 * says: a retry may reuse a sequence number (https://github.com/tulios/kafkajs/issues/1005). A service waits for a broker;
 * a command, whose context has no `step`, fails when none answers.
 */
export async function openProducer(
  settings: KafkaSettings & ProducerSettings,
  context: ProducerContext,
  { lingerMs = 0, stopping, stopHoldMs = 0, gate }: ProducerOptions = {},
): Promise<Producer> {
  const check = createAnswerCheck()
  const kafka = createKafka(settings, context.name, context.log, { requestTimeout: requestTimeoutMs })
  const connection = createConnection(() =>
    kafka.producer({
      allowAutoTopicCreation: false,
      metadataMaxAge: metadataMaxAgeMs,
      idempotent: false,
      maxInFlightRequests: 1,
      createPartitioner: () => check.partition,
    }),
  )
  const connect = () => connection.get()
  await (context.step ? context.step('connecting a producer to Kafka', connect) : connect())

  async function deliver(records: readonly ProducerRecord[]): Promise<void> {
    const byTopic = Map.groupBy(records, ({ topic }) => topic)
    const topicMessages = [...byTopic].map(([topic, those]) => ({
      topic,
      messages: those.map(({ topic: _, ...message }) => message as Message),
    }))
    const end = produceDuration.startTimer()
    const spans = [...byTopic].map(([topic, those]) =>
      traceSend(
        topic,
        those.map((one) => headerText(one, 'traceparent')),
      ),
    )
    let failure: string | undefined
    try {
      const client = await connection.get()
      check.start()
      check.end(
        await client.sendBatch({ topicMessages, acks: -1, timeout: acknowledgeMs, compression: CompressionTypes.None }),
      )
    } catch (error) {
      failure = classify(error)
      if (failure === 'transient') connection.drop()
      throw error
    } finally {
      end()
      for (const span of spans) span.end({ error: failure })
    }
    for (const { topic, messages } of topicMessages) messagesProduced.inc({ topic }, messages.length)
  }

  const queue = createSendQueue({
    deliver,
    gate,
    lingerMs,
    maxBatchBytes,
    maxPendingBytes: settings.PRODUCE_MAX_PENDING_BYTES,
  })
  measureBuffer({ waitingBytes: () => queue.waiting().bytes, limitBytes: settings.PRODUCE_MAX_PENDING_BYTES })
  stopping?.addEventListener('abort', () => queue.holdAtMost(stopHoldMs), { once: true })
  context.scope.defer(async () => {
    await queue.idle()
    await connection.close()
  })
  return { send: (records, holdMs) => queue.send(records, holdMs) }
}

/**
 * One client at a time, connected when asked for. kafkajs goes on to use a connection whose other end has vanished without
 * a word, for as long as the system's TCP does (a quarter of an hour), so a client that failed is left for a new one.
 */
function createConnection(create: () => Client) {
  let current: Client | null = null
  let isClosed = false
  return {
    async get(): Promise<Client> {
      if (isClosed) throw new Error('the producer is closed')
      if (current) return current
      const client = create()
      try {
        await client.connect()
      } catch (error) {
        void client.disconnect().catch(() => undefined)
        throw error
      }
      return (current = client)
    },
    drop(): void {
      // It may wait for answers that never come.
      void current?.disconnect().catch(() => undefined)
      current = null
    },
    async close(): Promise<void> {
      isClosed = true
      await current?.disconnect()
    },
  }
}
