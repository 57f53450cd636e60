import { z } from 'zod'
import {
  consumerSettings,
  count,
  type Env,
  kafkaSettings,
  postgresSettings,
  producerSettings,
  readEnv,
  serviceSettings,
} from '#runtime/process/config.ts'

export const settings = {
  ...serviceSettings,
  ...kafkaSettings,
  ...producerSettings,
  ...consumerSettings,
  CONSUME_CONCURRENCY: count(3).describe(consumerSettings.CONSUME_CONCURRENCY.description ?? ''),
  ...postgresSettings,
  MAX_LEAVES: count(200_000).describe('Values in one payload; a payload with more is refused as a whole.'),
  MAX_DEPTH: z.coerce
    .number()
    .int()
    .min(1)
    .max(1000)
    .default(100)
    .describe('Levels of lists and objects in one payload; a deeper one is refused as a whole.'),
  // Below the deadline of a handler (120 s), or waiting would count as being stuck.
  MAP_WAIT_MS: z.coerce
    .number()
    .int()
    .min(0)
    .max(90_000)
    .default(30_000)
    .describe('How long a payload waits for the map version it asks for; then it is refused.'),
  OLDEST_OBSERVED_AT: z.iso
    .date()
    .default('2000-01-01')
    .describe('Earliest day a payload may speak of; each month with values is a partition.'),
  MAX_DRIFT_PER_PAYLOAD: count(50, 0).describe('Paths that differ from the map reported for one payload.'),
  MAX_DRIFT_PER_SOURCE: count(500, 0).describe('Reports kept for one data source; what comes on top is not told.'),
  NULL_RATE_RISE: z.coerce
    .number()
    .min(0)
    .max(1)
    .default(0.5)
    .describe('How much larger the share of nulls at a path must be than in the days before to be told (0 to 1).'),
  NULL_RATE_DAYS: count(30).describe('The days before, with which the nulls of a day are compared.'),
  NULL_RATE_MIN_LEAVES: count(20).describe('Values and nulls at a path, of that day and of those before, to compare.'),
  SAMPLE_LENGTH: count(200).describe('Characters of a refused value that are kept as a sample.'),
  SERIES_CACHE_SIZE: count(200_000).describe('Series whose ids are remembered.'),
}

export const readConfig = (env?: Env) => readEnv(settings, env)
export type Config = ReturnType<typeof readConfig>
