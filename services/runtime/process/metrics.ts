import { collectDefaultMetrics, Counter, Gauge, Histogram, register } from 'prom-client'
import metadata from '../../../package.json' with { type: 'json' }

// The usual 10 ms wake a process at rest a hundred times a second. The lag that is shown is never below this step.
collectDefaultMetrics({ eventLoopMonitoringPrecision: 100 })

const seconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

new Gauge({
  name: 'parma_build_info',
  help: 'Always 1; its labels say which version of the services runs on which Node',
  labelNames: ['version', 'node'] as const,
}).set({ version: metadata.version, node: process.version }, 1)

/** Records whose outcome is settled and whose offset is committed. */
export const messagesConsumed = new Counter({
  name: 'parma_messages_consumed_total',
  help: 'Records processed, by topic and outcome (ok, drop, dead)',
  labelNames: ['topic', 'outcome'] as const,
})
export const messagesProduced = new Counter({
  name: 'parma_messages_produced_total',
  help: 'Records acknowledged by the broker',
  labelNames: ['topic'] as const,
})
export const deadLetters = new Counter({
  name: 'parma_dead_letters_total',
  help: 'Records put on a dead letter topic, by their topic and reason',
  labelNames: ['topic', 'reason'] as const,
})
export const retries = new Counter({
  name: 'parma_retries_total',
  help: 'Attempts repeated after a transient error',
  labelNames: ['topic'] as const,
})
export const joins = new Counter({
  name: 'parma_group_joins_total',
  help: 'Times that members of this process joined their group: once each at the start, and again at each rebalance',
})
export const pausedPartitions = new Gauge({
  name: 'parma_partition_paused',
  help: 'Partitions that rest (1) because too many records in a row became dead letters (MAX_DEAD_LETTERS_IN_A_ROW)',
  labelNames: ['topic', 'partition'] as const,
})
export const batchDuration = new Histogram({
  name: 'parma_batch_duration_seconds',
  help: 'From a batch handed to the handler to its offsets committed',
  labelNames: ['topic'] as const,
  buckets: seconds,
})
export const produceDuration = new Histogram({
  name: 'parma_produce_duration_seconds',
  help: 'From a send to its acknowledgement',
  buckets: seconds,
})
export { register }
