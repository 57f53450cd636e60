import { z } from 'zod'
import {
  consumerSettings,
  count,
  type Env,
  kafkaSettings,
  ledgerSettings,
  list,
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
  ...postgresSettings,
  ...ledgerSettings,
  DEFAULT_PERCENT_THRESHOLD: z.coerce
    .number()
    .positive()
    .default(25)
    .describe('Change in percent from which a number is news when its measurement has no rule (rule default/percent).'),
  DEFAULT_STEPS: z.coerce
    .number()
    .nonnegative()
    .default(5)
    .describe('And how many times the usual step of its series it must be; 0 for no such bound.'),
  GONE_AFTER: count(2).describe('Payloads in a row without an item of a list after which it is gone.'),
  TELL_CHANGES_OF: list()
    .prefault('text,paragraph,bool')
    .describe(
      'Types whose changes are news without a rule, comma separated: text paragraph comment link image date bool.',
    ),
  MAX_WINDOW: count(500).describe('Most values a rule may aggregate.'),
  RULES_MAX_AGE_MS: count(2000, 0).describe('How old the rules may be that a batch is judged by.'),
}

export const readConfig = (env?: Env) => readEnv(settings, env)
export type Config = ReturnType<typeof readConfig>
