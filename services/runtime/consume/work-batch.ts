import type { EachBatchPayload, KafkaMessage } from 'kafkajs'
import { asRecord } from '../kafka/record.ts'
import type { ConsumerSettings } from '../process/settings.ts'
import { batchDuration, retries } from '../process/metrics.ts'
import { retryTransient } from '../calls/retry.ts'
import type { ServiceContext } from '../process/service.ts'
import { keepAlive } from './keep-alive.ts'
import { trackLag } from '../offsets/lag-metric.ts'
import type { LossWatch } from '../offsets/loss-watch.ts'
import type { Processor } from './process-batch.ts'

/** A handler that is busy for longer is stuck: the process ends and is restarted. Normal batches take less than a second. */
const handlerDeadlineMs = 120_000

/** What a handler gets at once: larger batches gain nothing and hold memory and locks for longer. */
const maxBatchBytes = 512 * 1024

/**
 * Returns what works off one fetched batch of a partition: in chunks, each retried in place while its errors are transient
 * and committed when it is processed. Unknown errors end the service, uncommitted. `processors` are by name in the cluster.
 */
export function createBatchWorker(
  settings: ConsumerSettings,
  context: Pick<ServiceContext, 'log' | 'stopping' | 'fail'>,
  processors: ReadonlyMap<string, Processor>,
  losses: Pick<LossWatch, 'inspect' | 'metadata' | 'advance'>,
): (payload: EachBatchPayload) => Promise<void> {
  const { stopping, fail } = context
  return async (payload) => {
    const { batch, isRunning, isStale, heartbeat } = payload
    const process = processors.get(batch.topic)
    if (!process) throw new Error(`no subscription to ${batch.topic}`)
    const alive = keepAlive(() => heartbeat(), settings.SESSION_TIMEOUT_MS / 4, handlerDeadlineMs, fail)
    try {
      await losses.inspect(payload)
      for (const chunk of chunks(batch.messages, settings.CONSUME_MAX_BATCH, maxBatchBytes)) {
        if (!isRunning() || isStale() || stopping.aborted) return
        const end = batchDuration.startTimer({ topic: batch.topic })
        trackLag(batch.topic, batch.partition, Number(chunk[0].timestamp))
        await processChunk(chunk, batch, process, alive, context)
        await commit(payload, chunk, losses)
        end()
        alive.throwIfLost()
      }
    } finally {
      alive.stop()
    }
  }
}

type Chunk = [KafkaMessage, ...KafkaMessage[]]

async function processChunk(
  chunk: Chunk,
  { topic, partition }: EachBatchPayload['batch'],
  process: Processor,
  alive: ReturnType<typeof keepAlive>,
  { log, stopping, fail }: Pick<ServiceContext, 'log' | 'stopping' | 'fail'>,
): Promise<void> {
  const records = chunk.map((message) => asRecord(topic, partition, message))
  const attemptOnce = (attempt: number) => {
    alive.attempt()
    return process(records, attempt)
  }
  const onRetry = (error: unknown, attempt: number) => {
    alive.pause()
    retries.inc({ topic })
    log.warn({ error, attempt, topic, partition, offset: chunk[0].offset }, 'retrying')
  }
  await retryTransient(attemptOnce, { signal: stopping, onRetry }).catch((error: unknown) => {
    if (!stopping.aborted) fail(error)
    throw error
  })
}

async function commit(
  { batch, resolveOffset, commitOffsetsIfNecessary }: EachBatchPayload,
  chunk: Chunk,
  losses: Pick<LossWatch, 'metadata' | 'advance'>,
): Promise<void> {
  const { topic, partition, highWatermark } = batch
  const { offset, timestamp } = chunk.at(-1) ?? chunk[0]
  const next = String(BigInt(offset) + 1n)
  resolveOffset(offset)
  const newest = Math.max(...chunk.map((message) => Number(message.timestamp)))
  const committed = { partition, offset: next, metadata: losses.metadata(topic, partition, newest) }
  await commitOffsetsIfNecessary({ topics: [{ topic, partitions: [committed] }] })
  losses.advance(topic, partition, Number(next), newest)
  trackLag(topic, partition, BigInt(next) >= BigInt(highWatermark) ? null : Number(timestamp))
}

function* chunks(messages: readonly KafkaMessage[], maxCount: number, maxBytes: number): Generator<Chunk> {
  let chunk: KafkaMessage[] = []
  let bytes = 0
  for (const message of messages) {
    const size = message.value?.length ?? 0
    if (chunk.length > 0 && (chunk.length >= maxCount || bytes + size > maxBytes)) {
      yield chunk as Chunk
      chunk = []
      bytes = 0
    }
    chunk.push(message)
    bytes += size
  }
  if (chunk.length > 0) yield chunk as Chunk
}
