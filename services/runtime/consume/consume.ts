import type { EachBatchPayload, KafkaMessage } from 'kafkajs'
import type { Codec } from '#schemas/codec.ts'
import type { KafkaSettings } from '../process/config.ts'
import { keepAlive } from './keep-alive.ts'
import { createKafka, prefixed } from '../kafka/client.ts'
import { forgetLag, trackLag } from './lag-metric.ts'
import { batchDuration, retries } from '../process/metrics.ts'
import { createProcessor, type Subscription } from './process-batch.ts'
import type { Producer } from '../kafka/produce.ts'
import { asRecord } from '../kafka/record.ts'
import { retryTransient } from '../process/retry.ts'
import type { ServiceContext } from '../process/service.ts'

export type { Subscription } from './process-batch.ts'

/** Longer than this without a fetch and without a batch in work, and the loop counts as not running. */
const tickTimeoutMs = 30_000

/** A handler that is busy for longer is stuck: the process ends and is restarted. Normal batches take less than a second. */
const handlerDeadlineMs = 120_000

/** What a handler gets at once: larger batches gain nothing and hold memory and locks for longer. */
const maxBatchBytes = 512 * 1024

/** What all lanes together fetch at once and hold in memory until it is processed; a larger single record is still fetched. */
const fetchBytes = 8 * 1024 * 1024

/**
 * Consumes `subscriptions` as a member of the group named after the service, until the service stops. At least once, in
 * order per partition: offsets are committed after the effects, outputs and dead letters of a batch are safe. Transient
 * errors are retried in place, the partition waiting and its membership kept alive; unknown ones end the service.
 */
export async function consume(
  settings: KafkaSettings,
  context: ServiceContext,
  { codec, producer }: { codec: Codec; producer: Producer },
  // The value types of the subscriptions differ; each is checked against its own topic where it is made.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  subscriptions: readonly Subscription<any>[],
): Promise<void> {
  const { name: service, log, health, scope, stopping, fail } = context
  const group = prefixed(settings, service)
  const processors = new Map(
    subscriptions.map((subscription) => [
      prefixed(settings, subscription.topic.name),
      createProcessor(subscription, { settings, service, group, codec, producer, log }),
    ]),
  )

  const lanes = Array.from({ length: settings.CONSUME_CONCURRENCY }, () => ({
    joined: false,
    lastTick: Date.now(),
    busy: false,
  }))
  health.ready('kafka_consumer', () => {
    for (const { joined, busy, lastTick } of lanes) {
      if (!joined) throw new Error('not a member of the group')
      if (!busy && Date.now() - lastTick > tickTimeoutMs) throw new Error('no fetch for 30 s')
    }
  })

  async function eachBatch(lane: Lane, payload: EachBatchPayload): Promise<void> {
    const { batch, isRunning, isStale } = payload
    const process = processors.get(batch.topic)
    if (!process) throw new Error(`no subscription to ${batch.topic}`)
    const alive = keepAlive(() => payload.heartbeat(), settings.SESSION_TIMEOUT_MS / 4, handlerDeadlineMs, fail)
    lane.busy = true
    try {
      for (const chunk of chunks(batch.messages, settings.CONSUME_MAX_BATCH, maxBatchBytes)) {
        if (!isRunning() || isStale() || stopping.aborted) return
        const first = chunk[0] as KafkaMessage
        const last = chunk.at(-1) as KafkaMessage
        const end = batchDuration.startTimer({ topic: batch.topic })
        trackLag(batch.topic, batch.partition, Number(first.timestamp))
        const records = chunk.map((message) => asRecord(batch.topic, batch.partition, message))
        await retryTransient(
          (attempt) => {
            alive.attempt()
            return process(records, attempt)
          },
          {
            signal: stopping,
            onRetry: (error, attempt) => {
              alive.pause()
              retries.inc({ topic: batch.topic })
              log.warn(
                { error, attempt, topic: batch.topic, partition: batch.partition, offset: first.offset },
                'retrying',
              )
            },
          },
        ).catch((error: unknown) => {
          if (!stopping.aborted) fail(error)
          throw error
        })
        const next = String(BigInt(last.offset) + 1n)
        payload.resolveOffset(last.offset)
        await payload.commitOffsetsIfNecessary({
          topics: [{ topic: batch.topic, partitions: [{ partition: batch.partition, offset: next }] }],
        })
        end()
        const atEnd = BigInt(next) >= BigInt(batch.highWatermark)
        trackLag(batch.topic, batch.partition, atEnd ? null : Number(last.timestamp))
        alive.throwIfLost()
      }
    } finally {
      lane.busy = false
      lane.lastTick = Date.now()
      alive.stop()
    }
  }

  /**
   * Joins the group once more. Each member fetches for itself: kafkajs fetches only when all partitions of the last fetch
   * are done, so that partitions which share a member wait for each other. Members sort by their client id, and the first
   * ones are given partitions first: as many as there are processes come before the second of any.
   */
  async function join(lane: Lane, index: number): Promise<void> {
    const bytes = Math.ceil(fetchBytes / lanes.length)
    const consumer = createKafka(settings, `${index}-${service}`, log).consumer({
      groupId: group,
      sessionTimeout: settings.SESSION_TIMEOUT_MS,
      heartbeatInterval: Math.floor(settings.SESSION_TIMEOUT_MS / 5),
      rebalanceTimeout: Math.max(60_000, settings.SESSION_TIMEOUT_MS),
      allowAutoTopicCreation: false,
      maxWaitTimeInMs: 1000,
      maxBytes: bytes,
      maxBytesPerPartition: Math.ceil(bytes / 4),
    })
    consumer.on('consumer.group_join', () => {
      lane.joined = true
      forgetLag()
    })
    consumer.on('consumer.fetch', () => void (lane.lastTick = Date.now()))
    consumer.on('consumer.crash', ({ payload: { error, restart } }) => {
      lane.joined = false
      if (!restart) fail(error)
    })
    await consumer.connect()
    scope.defer(() => consumer.disconnect())
    await consumer.subscribe({ topics: [...processors.keys()], fromBeginning: true })
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: (payload) => eachBatch(lane, payload),
    })
  }
  await Promise.all(lanes.map(join))
}

/** One member of the group. */
type Lane = { joined: boolean; lastTick: number; busy: boolean }

function* chunks(messages: readonly KafkaMessage[], maxCount: number, maxBytes: number): Generator<KafkaMessage[]> {
  let chunk: KafkaMessage[] = []
  let bytes = 0
  for (const message of messages) {
    const size = message.value?.length ?? 0
    if (chunk.length > 0 && (chunk.length >= maxCount || bytes + size > maxBytes)) {
      yield chunk
      chunk = []
      bytes = 0
    }
    chunk.push(message)
    bytes += size
  }
  if (chunk.length > 0) yield chunk
}
