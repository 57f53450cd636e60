import { randomUUID } from 'node:crypto'
import type { Consumer, EachBatchPayload, Kafka } from 'kafkajs'
import type { Codec } from '#schemas/codec.ts'
import { DecodeError } from '#schemas/codec.ts'
import type { Topic } from '#schemas/topics.ts'
import type { KafkaSettings } from '../process/settings.ts'
import {
  connectConsumer,
  createKafka,
  metadataMaxAgeMs,
  onSignOfLife,
  prefixed,
  readerSessionMs,
  runConsumer,
} from './client.ts'
import { retryTransient } from '../calls/retry.ts'
import type { ServiceContext } from '../process/service.ts'

/** How long the broker waits for a row before it says that there is none: a row that comes is given out at once. */
const waitMs = 3000

/** Longer than this without a fetch, and what came later may be missing. */
const fetchTimeoutMs = 30_000

/** Longer than this without any sign of the client library, and only a new process mends the reader. */
const lostMs = 120_000

/**
 * Reads a compacted topic as a table: each process all of it for itself. Resolves when everything that was there at the
 * start has been given to `onRow`, then goes on with what comes later, in order per key. A row that cannot be decoded is
 * logged and passed over: the service that consumes the topic in a group makes it a dead letter.
 */
export async function readTable<T>(
  settings: KafkaSettings,
  context: ServiceContext,
  codec: Codec,
  topic: Topic<T>,
  onRow: (row: T) => void,
): Promise<void> {
  const { log, scope, stopping, step, fail } = context
  const name = prefixed(settings, topic.name)
  const kafka = createKafka(settings, context.name, log)
  const offsets = await step(`asking Kafka for the ends of ${name}`, () => readEnds(kafka, name))
  const missing = new Map(
    offsets.filter(({ low, high }) => BigInt(high) > BigInt(low)).map((one) => [one.partition, BigInt(one.high)]),
  )

  // Nobody else is in this group and nothing is ever committed to it, so it vanishes with this process.
  const groupId = `${prefixed(settings, context.name)}.table.${randomUUID()}`
  const consumer = kafka.consumer({
    groupId,
    // After an outage the next member waits for the end of this session: a longer one makes maps and erasures late.
    sessionTimeout: readerSessionMs,
    allowAutoTopicCreation: false,
    metadataMaxAge: metadataMaxAgeMs,
    maxWaitTimeInMs: waitMs,
  })
  const { promise: complete, resolve } = Promise.withResolvers<void>()
  if (missing.size === 0) resolve()

  // It would wait for the last fetch, and nobody waits for it to leave its group.
  scope.defer(() => void consumer.disconnect().catch(() => undefined))
  await step(`connecting the reader of ${name}`, () => connectConsumer(consumer, [name]))
  const signs = watchReader(consumer, { topic: name, check: `kafka_table_${topic.schema}` }, context)

  async function take({ batch, resolveOffset, heartbeat }: EachBatchPayload): Promise<void> {
    for (const { value, offset, key } of batch.messages) {
      try {
        onRow(await retryTransient(() => codec.decode(topic, value), { signal: stopping, onRetry: signs.goesOn }))
      } catch (error) {
        if (!(error instanceof DecodeError)) {
          if (!stopping.aborted) fail(error)
          throw error
        }
        log.error({ error, topic: name, partition: batch.partition, offset, key: key?.toString() }, 'row_not_readable')
      }
      resolveOffset(offset)
      await heartbeat()
    }
    signs.goesOn()
    if (BigInt(batch.lastOffset()) + 1n >= (missing.get(batch.partition) ?? 0n)) missing.delete(batch.partition)
    if (missing.size === 0) resolve()
  }

  const stopped = new Promise((done) => stopping.addEventListener('abort', done, { once: true }))
  await step(`reading ${name}`, async (goesOn) => {
    signs.listener = goesOn
    await runConsumer(consumer, context, { autoCommit: false, eachBatchAutoResolve: false, eachBatch: take })
    await Promise.race([complete, stopped])
  })
}

async function readEnds(kafka: Kafka, topic: string) {
  const admin = kafka.admin()
  try {
    await admin.connect()
    return await admin.fetchTopicOffsets(topic)
  } finally {
    // It may wait for answers that never come.
    void admin.disconnect().catch(() => undefined)
  }
}

/** Readiness and liveness of the reader. `goesOn` says that it is at work, and is passed on to `listener`. */
function watchReader(
  consumer: Consumer,
  { topic, check }: { topic: string; check: string },
  { health }: ServiceContext,
) {
  let lastFetch = performance.now()
  let lastSign = lastFetch
  const signs = {
    listener: (): void => undefined,
    goesOn(): void {
      lastSign = performance.now()
      signs.listener()
    },
  }
  onSignOfLife(consumer, signs.goesOn)
  consumer.on('consumer.fetch', () => void (lastFetch = lastSign = performance.now()))
  health.ready(check, () => {
    if (performance.now() - lastFetch > fetchTimeoutMs)
      throw new Error(`no fetch of ${topic} for ${fetchTimeoutMs / 1000} s`)
  })
  health.live(check, () => {
    if (performance.now() - lastSign > lostMs)
      throw new Error(`lost: the reader of ${topic} has done nothing for ${lostMs / 1000} s`)
  })
  return signs
}
