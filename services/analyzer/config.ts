import { z } from 'zod'
import { count, flag, list, readEnv } from '#runtime/process/config.ts'
import type { Env } from '#runtime/process/legacy-env.ts'
import { type ModelName, models } from './meaning/models.ts'
import { findFault } from './meaning/polarity.ts'
import { trialSettings } from './rule-trial/settings.ts'
import { ledgerSettings, pipelineSettings, postgresSettings } from '#runtime/process/settings.ts'

/** What decides what is news. */
export const judgeSettings = {
  DEFAULT_DETECTOR: z
    .enum(['insight', 'percent'])
    .default('insight')
    .describe(
      'What judges numbers that no rule covers: insight (what is unusual for the series, rule default/insight), or percent (DEFAULT_PERCENT_THRESHOLD, rule default/percent).',
    )
    .meta({ basic: true }),
  DEFAULT_PERCENT_THRESHOLD: z.coerce
    .number()
    .positive()
    .default(25)
    .describe(
      'Percent by which a number must change to be news by the rule default/percent: with DEFAULT_DETECTOR=percent, or while a series has too little history for insight.',
    ),
  DEFAULT_STEPS: z.coerce
    .number()
    .nonnegative()
    .default(5)
    .describe(
      'How many times the usual step of its series a change must be, besides DEFAULT_PERCENT_THRESHOLD. 0 switches this check off.',
    ),
  GONE_AFTER: count(2).describe('Payloads in a row that must lack a list item before it counts as gone.'),
  TELL_CHANGES_OF: list()
    .prefault('text,paragraph,bool')
    .describe(
      'Types whose changes are news without a rule, separated by commas: text, paragraph, comment, link, image, date, bool.',
    ),
  POLARITY: list()
    .prefault('')
    .superRefine((overrides, { addIssue }) => {
      for (const text of overrides) {
        const message = findFault(text)
        if (message !== null) addIssue({ code: 'custom', message })
      }
    })
    .describe(
      'What more of a measurement means, where the built-in table (services/analyzer/meaning/polarity.json) is wrong: open issues=bad, headcount=good:0.8, separated by commas. good, bad or neither, and how much it counts from 0 to 1.',
    ),
  IMPORTANCE_MODEL: z
    .enum(Object.keys(models) as [ModelName, ...ModelName[]])
    .default('default')
    .describe('Which model weighs news items: default, or by-size (only the change in percent counts).'),
  WRITE_PUBLIC_SILENT_NEWS: flag(false).describe(
    'Whether silent news items, such as those of a first import of history, are written to public.news too. parma-web shows its rows without order on its home page.',
  ),
  SUSPECT_WAIT_SECONDS: count(1800).describe(
    'How long a news item that a broken source may have made waits at most for the end of its run.',
  ),
  SUSPECT_WINDOW_SECONDS: count(600).describe(
    'How long payloads of a source without a task count as one run, and how long their news items wait at most.',
  ),
  SUSPECT_HOLD_HOURS: count(72).describe(
    'How long the news items of a suspect run are held. Then they stand in digests, as unverified.',
  ),
  MAX_WINDOW: count(500).describe('Largest number of values a rule may aggregate.'),
  RULES_MAX_AGE_MS: count(2000, 0).describe(
    'How long rules are cached. A changed rule takes effect after at most this long.',
  ),
}
export type JudgeConfig = z.output<z.ZodObject<typeof judgeSettings>>

export const settings = {
  ...pipelineSettings,
  ...postgresSettings,
  ...ledgerSettings,
  ...judgeSettings,
  ...trialSettings,
}

/** What commands read that judge. */
export const commandSettings = { ...postgresSettings, ...ledgerSettings, ...judgeSettings }

export const readConfig = (env?: Env) => readEnv(settings, env)
export type Config = ReturnType<typeof readConfig>
