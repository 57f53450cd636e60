import { output, type Publish as PublishOutputs } from '#runtime/kafka/output.ts'
import { withDeadline } from '#runtime/calls/deadline.ts'
import type { Log } from '#runtime/process/log.ts'
import { EncodeError } from '#schemas/codec.ts'
import type { Topic } from '#schemas/topics.ts'
import type { Config } from '../config.ts'
import { HttpError, unavailable } from '../http/http-error.ts'

/** The `traceparent` that the caller sent, if any. */
export type Cause = { traceparent: string | undefined }

/**
 * Resolves when the record is durable (acks=-1). Rejects with an HttpError: 503 without an acknowledgement within the
 * deadline, when the record may be durable or not; 413 when the record is too large for the broker.
 */
export type Publish = <T extends { event_id: string }>(
  topic: Topic<T>,
  key: string,
  value: T,
  cause: Cause,
  headers?: Record<string, string>,
) => Promise<void>

export function createPublisher(config: Pick<Config, 'FEED_DEADLINE_MS'>, log: Log, send: PublishOutputs): Publish {
  return async (topic, key, value, { traceparent }, headers) => {
    const sent = send([output(topic, key, value.event_id, value, headers)], traceparent)
    const late = () => new Error(`not acknowledged within FEED_DEADLINE_MS (${config.FEED_DEADLINE_MS})`)
    try {
      await withDeadline(sent, config.FEED_DEADLINE_MS, late)
    } catch (error) {
      if (error instanceof EncodeError) throw error
      log.warn({ error, topic: topic.name, event_id: value.event_id }, 'publish_failed')
      if ((error as { type?: string }).type === 'MESSAGE_TOO_LARGE')
        throw new HttpError(413, 'The record is too large for the message broker.', {}, { cause: error })
      throw unavailable('The message broker did not confirm the record. Send the request again.', error)
    }
  }
}
