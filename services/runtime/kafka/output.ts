import type { Codec } from '#schemas/codec.ts'
import { maxRecordBytes, type Topic } from '#schemas/topics.ts'
import { TooLargeError } from '../calls/retry.ts'
import { traceRecord } from '../observe/tracing.ts'
import type { KafkaSettings } from '../process/settings.ts'
import { prefixed } from './client.ts'
import type { Producer } from './produce.ts'
import { type ProducerRecord, sizeOf } from './record.ts'
import { clipTexts } from '../text/clip-texts.ts'

/** A value that is wanted on a topic, made by `output`. */
export type Output = {
  topic: Topic<unknown>
  key: string
  value: unknown
  eventId: string
  headers?: Record<string, string>
  /** The `traceparent` of its own cause, where those that are sent together have different ones. */
  cause?: string
}

export function output<T>(
  topic: Topic<T>,
  key: string,
  eventId: string,
  value: T,
  headers?: Record<string, string>,
): Output {
  return { topic, key, eventId, value, headers }
}

/**
 * Resolves when all `outputs` are durable (acks=-1); they travel in one send and keep their order. `traceparent` is that of
 * their cause; without one each begins a trace. Rejects with an EncodeError when a value does not fit its schema, and with an
 * error that `isTooLarge` when its topic does not take a record. After any other error some may be there: publish them again,
 * with the same event ids. With `holdMs`, that is done here until then.
 */
export type Publish = (outputs: readonly Output[], traceparent?: string, holdMs?: number) => Promise<void>

/**
 * The one place where a value becomes a record: its topic's name in the cluster, its bytes and the headers that all carry.
 * Texts of topics that are `clipped` are. Throws a TooLargeError when the topic does not take the record.
 */
export async function encodeOutput(
  settings: Pick<KafkaSettings, 'TOPIC_PREFIX'>,
  codec: Codec,
  { topic, key, value, eventId, headers, cause }: Output,
  traceparent: string | undefined,
): Promise<ProducerRecord> {
  const name = prefixed(settings, topic.name)
  const record = {
    topic: name,
    key,
    value: await codec.encode(topic, name, topic.clipped ? clipTexts(value) : value),
    headers: { ...headers, event_id: eventId, traceparent: traceRecord(topic.name, cause ?? traceparent) },
  }
  const [size, limit] = [sizeOf(record), maxRecordBytes(topic)]
  if (size > limit) throw new TooLargeError(`the record has ${size} bytes, and ${topic.name} takes ${limit} at most`)
  return record
}

export function createPublish(
  settings: Pick<KafkaSettings, 'TOPIC_PREFIX'>,
  codec: Codec,
  producer: Producer,
): Publish {
  return async (outputs, traceparent, holdMs) =>
    producer.send(await Promise.all(outputs.map((one) => encodeOutput(settings, codec, one, traceparent))), holdMs)
}
