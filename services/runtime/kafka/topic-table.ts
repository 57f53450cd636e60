import { randomUUID } from 'node:crypto'
import type { Codec } from '#schemas/codec.ts'
import { DecodeError } from '#schemas/codec.ts'
import type { Topic } from '#schemas/topics.ts'
import type { KafkaSettings } from '../process/settings.ts'
import { createKafka, metadataMaxAgeMs, prefixed, readerSessionMs } from './client.ts'
import { retryTransient } from '../calls/retry.ts'
import type { ServiceContext } from '../process/service.ts'

/** Longer than this without a fetch, and what came later may be missing. */
const fetchTimeoutMs = 30_000

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
  const { log, scope, health, stopping, fail } = context
  const name = prefixed(settings, topic.name)
  const kafka = createKafka(settings, context.name, log)
  const admin = kafka.admin()
  await admin.connect()
  const offsets = await retryTransient(() => admin.fetchTopicOffsets(name), { signal: stopping }).finally(() =>
    admin.disconnect(),
  )
  const missing = new Map(
    offsets.filter(({ low, high }) => BigInt(high) > BigInt(low)).map((one) => [one.partition, BigInt(one.high)]),
  )

  // Nobody else is in this group and nothing is ever committed to it, so it vanishes with this process.
  const groupId = `${prefixed(settings, context.name)}.table.${randomUUID()}`
  const consumer = kafka.consumer({
    groupId,
    sessionTimeout: readerSessionMs,
    allowAutoTopicCreation: false,
    metadataMaxAge: metadataMaxAgeMs,
    maxWaitTimeInMs: 1000,
  })
  let lastFetch = performance.now()
  consumer.on('consumer.fetch', () => void (lastFetch = performance.now()))
  health.ready('kafka_table', () => {
    if (performance.now() - lastFetch > fetchTimeoutMs)
      throw new Error(`no fetch of ${topic.name} for ${fetchTimeoutMs / 1000} s`)
  })
  consumer.on('consumer.crash', ({ payload: { error, restart } }) => {
    if (!restart) fail(error)
  })
  const { promise: complete, resolve } = Promise.withResolvers<void>()
  if (missing.size === 0) resolve()

  await consumer.connect()
  scope.defer(() => consumer.disconnect())
  await consumer.subscribe({ topics: [name], fromBeginning: true })
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    async eachBatch({ batch, resolveOffset, heartbeat }) {
      for (const { value, offset, key } of batch.messages) {
        try {
          onRow(await retryTransient(() => codec.decode(topic, value), { signal: stopping }))
        } catch (error) {
          if (!(error instanceof DecodeError)) {
            if (!stopping.aborted) fail(error)
            throw error
          }
          log.error(
            { error, topic: name, partition: batch.partition, offset, key: key?.toString() },
            'row_not_readable',
          )
        }
        resolveOffset(offset)
        await heartbeat()
      }
      if (BigInt(batch.lastOffset()) + 1n >= (missing.get(batch.partition) ?? 0n)) missing.delete(batch.partition)
      if (missing.size === 0) resolve()
    },
  })
  await Promise.race([complete, new Promise((done) => stopping.addEventListener('abort', done, { once: true }))])
}
