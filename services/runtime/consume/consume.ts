import { prefixed } from '../kafka/client.ts'
import { retries } from '../process/metrics.ts'
import { createPublish } from '../kafka/output.ts'
import type { ProcessorDeps } from './process-batch.ts'
import { openLossWatch } from '../offsets/loss-watch.ts'
import type { ConsumerSettings, KafkaSettings } from '../process/settings.ts'
import type { ServiceContext } from '../process/service.ts'
import { joinGroup } from './group-member.ts'
import { Lane, nameOf } from './lane.ts'
import { createOpsQueue } from '../outbox/ops-queue.ts'
import { createIncidentReporter } from '../recovery/incidents.ts'
import type { Subscription } from './subscription.ts'
import { createBatchWorker } from './work-batch.ts'

/**
 * Consumes `subscriptions` as members of the group named after the service, until the service stops. At least once, in
 * order per partition: offsets are committed after the effects, outputs and dead letters of a batch are safe. Transient
 * errors are retried in place, the partition waiting and its membership kept alive; unknown ones end the service.
 */
export async function consume(
  settings: KafkaSettings & ConsumerSettings,
  context: ServiceContext,
  { codec, producer, erasures }: Pick<ProcessorDeps, 'codec' | 'producer' | 'erasures'>,
  subscriptions: readonly Subscription[],
): Promise<void> {
  const { name: service, log, health } = context
  const group = prefixed(settings, service)
  const processors = new Map(
    subscriptions.map(({ topic, open }) => [
      prefixed(settings, topic.name),
      open({ settings, service, group, codec, producer, log, erasures }),
    ]),
  )
  // So that the first one shows as a change.
  for (const topic of processors.keys()) retries.inc({ topic }, 0)
  const publish = createPublish(settings, codec, producer)
  const lanes = Array.from({ length: settings.CONSUME_CONCURRENCY }, () => new Lane())
  const losses = await openLossWatch(settings, context, {
    ...{ group, publish, topics: subscriptions.map(({ topic }) => topic) },
    batch: settings.CONSUME_MAX_BATCH,
    onLook: (seen) =>
      lanes.forEach((lane, index) =>
        lane.look(
          seen
            .filter(({ member }) => member === index)
            .map(({ topic, partition, ...where }) => ({ name: nameOf(topic, partition), ...where })),
        ),
      ),
  })
  const report = createIncidentReporter(context, createOpsQueue(context, publish))
  const workBatch = createBatchWorker(settings, context, processors, { losses, report })
  health.ready('kafka_consumer', () => lanes.forEach((lane) => lane.check()))
  health.live('kafka_consumer', () => lanes.forEach((lane) => lane.checkAlive()))
  const shared = { group, topics: [...processors.keys()], members: lanes.length, losses, workBatch }
  const scopes = lanes.map(() => new AsyncDisposableStack())
  // All at once: one that waits for its handler must not keep the others from leaving in order.
  context.scope.defer(async () => void (await Promise.all(scopes.map((scope) => scope.disposeAsync()))))
  await Promise.all(
    lanes.map((lane, index) =>
      joinGroup(settings, { ...context, scope: scopes[index] ?? context.scope }, { ...shared, lane, index }),
    ),
  )
}
