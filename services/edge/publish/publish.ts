import { Gauge } from 'prom-client'
import { type Output, output, type Publish as PublishOutputs } from '#runtime/kafka/output.ts'
import { withDeadline } from '#runtime/calls/deadline.ts'
import { isTooLarge } from '#runtime/calls/retry.ts'
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

/**
 * The same for many records, which travel in one send: what became of each, in their order; null: it is durable. One
 * that the broker refuses does not cost the others. With a 503 none or some may be durable.
 */
export type PublishAll = (outputs: readonly Output[], cause: Cause) => Promise<readonly (HttpError | null)[]>

export type Publishers = {
  /**
   * For what modules send, which they do not send again: while no broker takes the record, the caller waits, for up to
   * FEED_DEADLINE_MS.
   */
  hold: Publish
  holdAll: PublishAll
  /** For all others, who soon stop waiting or can ask again: for up to 5 seconds. */
  publish: Publish
}

const shortDeadlineMs = 5000

const waiting = new Gauge({
  name: 'parma_edge_feeds_waiting',
  help: 'Payloads and ends of tasks that wait for a broker to acknowledge them',
})

/** `send` holds records and `sendNow` does not: each has a producer of its own, so that neither waits for the other. */
export function createPublishers(
  { FEED_DEADLINE_MS: holdMs }: Pick<Config, 'FEED_DEADLINE_MS'>,
  log: Log,
  { send, sendNow }: { send: PublishOutputs; sendNow: PublishOutputs },
): Publishers {
  const deadlineMs = Math.min(holdMs, shortDeadlineMs)
  const late = () => new Error(`not acknowledged within ${deadlineMs} ms`)
  const hold: PublishOutputs = async (outputs, traceparent) => {
    waiting.inc(outputs.length)
    await send(outputs, traceparent, holdMs).finally(() => waiting.dec(outputs.length))
  }
  return {
    hold: createPublisher(log, hold),
    holdAll: createBulkPublisher(log, hold),
    publish: createPublisher(log, (...args) => withDeadline(sendNow(...args), deadlineMs, late)),
  }
}

function createPublisher(log: Log, send: PublishOutputs): Publish {
  return async (topic, key, value, { traceparent }, headers) => {
    const one = output(topic, key, value.event_id, value, headers)
    await send([one], traceparent).catch((error: unknown) => {
      throw toHttpError(log, one, error)
    })
  }
}

function createBulkPublisher(log: Log, send: PublishOutputs): PublishAll {
  return async function publishAll(outputs, cause): Promise<readonly (HttpError | null)[]> {
    const [first] = outputs
    if (!first) return []
    try {
      await send(outputs, cause.traceparent)
      return outputs.map(() => null)
    } catch (error) {
      const refusal = toHttpError(log, first, error)
      if (refusal.status !== 413 || outputs.length === 1) return outputs.map(() => refusal)
      const half = Math.ceil(outputs.length / 2)
      return [...(await publishAll(outputs.slice(0, half), cause)), ...(await publishAll(outputs.slice(half), cause))]
    }
  }
}

/** Throws an error of ours as it is. */
function toHttpError(log: Log, { topic, eventId }: Output, error: unknown): HttpError {
  if (error instanceof EncodeError) throw error
  log.warn({ error, topic: topic.name, event_id: eventId }, 'publish_failed')
  if (isTooLarge(error))
    return new HttpError(413, 'The record is too large for the message broker.', {}, { cause: error })
  return unavailable('The message broker did not confirm the record. Send the request again.', error)
}
