import type { Config } from '../config.ts'
import type { Criteria } from './judge-payloads.ts'

/** Numbers a series remembers for windows and its usual step; more where a rule of its measurement asks for more. */
const keptValues = 32

/** Items of one list that appear or are gone at once and are told one by one; more become one news item. */
const maxItemNews = 3

/** Gone items of a list that are remembered, so that they do not appear as new when they come back. */
const maxGoneItems = 1000

/** What is news without a rule, as the settings say. */
export function policiesOf(config: Config): Omit<Criteria, 'rules'> {
  return {
    policy: {
      threshold: config.DEFAULT_PERCENT_THRESHOLD,
      steps: config.DEFAULT_STEPS,
      types: new Set(config.TELL_CHANGES_OF),
    },
    itemPolicy: { goneAfter: config.GONE_AFTER, maxItemNews, maxGoneItems },
    keptValues,
  }
}
