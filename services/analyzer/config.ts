import { z } from 'zod'
import {
  count,
  type Env,
  kafkaSettings,
  ledgerSettings,
  list,
  postgresSettings,
  readEnv,
  serviceSettings,
} from '#runtime/config.ts'

export const settings = {
  ...serviceSettings,
  ...kafkaSettings,
  ...postgresSettings,
  ...ledgerSettings,
  DEFAULT_PERCENT_THRESHOLD: z.coerce
    .number()
    .positive()
    .default(5)
    .describe('Change in percent from which a number is news when its measurement has no rule (rule default/percent).'),
  TELL_CHANGES_OF: list()
    .prefault('text,paragraph,bool')
    .describe(
      'Types whose changes are news without a rule, comma separated: text paragraph comment link image date bool.',
    ),
  KEPT_VALUES: count(32).describe(
    'Numbers a series remembers for windows; more where a rule of its measurement asks for more.',
  ),
  MAX_WINDOW: count(500).describe('Most values a rule may aggregate.'),
  RULES_MAX_AGE_MS: count(2000, 0).describe('How old the rules may be that a batch is judged by.'),
}

export const readConfig = (env?: Env) => readEnv(settings, env)
export type Config = ReturnType<typeof readConfig>
