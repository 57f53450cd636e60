import type { OpsEvent } from '#schemas/generated/types.ts'
import { topics } from '#schemas/topics.ts'
import { classify, retryTransient, TransientError } from '../calls/retry.ts'
import { output, type Publish } from '../kafka/output.ts'
import type { ServiceContext } from '../process/service.ts'

/** More do not wait: whoever has reported so many has said enough. What comes then is lost, the end of an incident, too. */
const most = 1000

/** Reports an operational event without waiting for it. */
export type PublishOps = (key: string, event: OpsEvent, traceparent?: string) => void

/**
 * Publishes operational events of those who have no outbox: one after the other, in the order reported, and each again,
 * with the same id, until Kafka has it, however long a broker or the registry is away. Never fails: an event that cannot
 * be published, or is one too many, or still waits when the service stops while one of them is away, is logged.
 */
export function createOpsQueue(
  { log, scope, stopping }: Pick<ServiceContext, 'log' | 'scope' | 'stopping'>,
  publish: Publish,
): PublishOps {
  let waiting = 0
  let isAway = false
  let last = Promise.resolve()

  async function send(key: string, event: OpsEvent, traceparent: string | undefined): Promise<void> {
    if (isAway && stopping.aborted) throw new TransientError('the service stops')
    try {
      await publish([output(topics.opsEvents, key, event.event_id, event)], traceparent)
      isAway = false
    } catch (error) {
      isAway = classify(error) === 'transient'
      throw error
    }
  }

  scope.defer(() => last)
  return (key, event, traceparent) => {
    const lose = (error: unknown) => log.error({ error, event }, 'ops_event_lost')
    if (waiting >= most) return lose(new Error(`${most} ops events wait already`))
    waiting++
    const onRetry = (error: unknown, attempt: number) => log.warn({ error, attempt, loop: 'ops_events' }, 'retrying')
    last = last
      .then(() => retryTransient(() => send(key, event, traceparent), { signal: stopping, onRetry }))
      .catch(lose)
      .finally(() => void waiting--)
  }
}
