import { collectDefaultMetrics, Counter, Histogram, register } from 'prom-client'

collectDefaultMetrics()

const seconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

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
