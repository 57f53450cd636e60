import { createCodec, DecodeError } from '#schemas/codec.ts'
import { createRegistry } from '#schemas/registry.ts'
import { type Topic, topics } from '#schemas/topics.ts'
import { consume } from './consume/consume.ts'
import type { Subscription } from './consume/subscription.ts'
import { createErasures, type Erasures } from './erase/erasures.ts'
import { prefixed } from './kafka/client.ts'
import { createPublish, type Publish } from './kafka/output.ts'
import { openProducer, type ProducerContext, type ProducerOptions } from './kafka/produce.ts'
import { readBetween, readTopics } from './kafka/read-topics.ts'
import type { FetchedRecord } from './kafka/record.ts'
import { readTable } from './kafka/topic-table.ts'
import { createLog } from './process/log.ts'
import type { ConsumerSettings, KafkaSettings, ProducerSettings } from './process/settings.ts'
import type { ServiceContext } from './process/service.ts'

/** All that a service knows of Kafka. What was erased does not come in: records are dropped, or lack the text. */
export type Kafka = {
  erasures: Erasures
  publish: Publish
  /** Consumes as a member of the service's group until the service stops; resolves when it has joined (consume.ts). */
  consume(subscriptions: readonly Subscription[]): Promise<void>
  /** Gives `onRow` all of a compacted topic; resolves when it has what was there, then goes on (topic-table.ts). */
  readTable<T>(topic: Topic<T>, onRow: (row: T) => void): Promise<void>
  /** Gives `onValue` what the topic still has of these times, ms since 1970. What cannot be decoded is passed over. */
  readBetween<T>(topic: Topic<T>, times: { from: number; to: number }, onValue: (value: T) => void): Promise<void>
}

/** Codec, registry, producer and group of a service, until it stops. */
export async function openKafka(
  config: KafkaSettings & ProducerSettings & ConsumerSettings,
  context: ServiceContext,
): Promise<Kafka> {
  const codec = createCodec(createRegistry(config.SCHEMA_REGISTRY_URL))
  const producer = await openProducer(config, context)
  const erasures = createErasures()
  await readTable(config, context, codec, topics.erasures, erasures.add)
  return {
    erasures,
    publish: createPublish(config, codec, producer),
    consume: (subscriptions) => consume(config, context, { codec, producer, erasures }, subscriptions),
    readTable: (topic, onRow) => readTable(config, context, codec, topic, onRow),
    readBetween: (topic, times, onValue) =>
      readBetween(config, context.log, prefixed(config, topic.name), times, async ({ value }) => {
        const decoded = await codec.decode(topic, value).catch((error: unknown) => {
          if (error instanceof DecodeError) return null
          throw error
        })
        if (decoded !== null) onValue(erasures.redact(decoded))
      }),
  }
}

/**
 * For those who only publish: the edge, and commands. A record waits `lingerMs` for others to travel with it. Closes with
 * the scope, after what is under way.
 */
export async function openPublisher(
  config: KafkaSettings & ProducerSettings,
  context: ProducerContext,
  options: ProducerOptions = {},
): Promise<Publish> {
  const codec = createCodec(createRegistry(config.SCHEMA_REGISTRY_URL))
  return createPublish(config, codec, await openProducer(config, context, options))
}

/**
 * For commands: gives `onRow` each row that the topic has at the time of the call, in order per key, or with `since` (ms
 * since 1970) those from then on, and maybe some before. A value of null says that its key was deleted. Throws a
 * DecodeError when a row cannot be decoded: a command must not do its work by half of what there is.
 */
export async function readRows<T>(
  config: KafkaSettings,
  topic: Topic<T>,
  onRow: (value: T | null, key: string) => void,
  since?: number,
): Promise<void> {
  const codec = createCodec(createRegistry(config.SCHEMA_REGISTRY_URL))
  const [log, name] = [createLog('parma', 'silent'), prefixed(config, topic.name)]
  const take = async ({ key, value }: FetchedRecord) =>
    onRow(value === null ? null : await codec.decode(topic, value), String(key))
  if (since === undefined) await readTopics(config, log, [name], take)
  else await readBetween(config, log, name, { from: since, to: Number.MAX_SAFE_INTEGER }, take)
}
