import type { JudgeConfig } from '../config.ts'
import { tellFrom } from '../signals/judge-point.ts'
import type { Criteria } from './judge-payloads.ts'

/** Numbers a series remembers for windows and its usual step; more where a rule of its measurement asks for more. */
const keptValues = 32

/** Up to this many items of a list that appear or are gone at once get a news item each; more get one together. */
const maxItemNews = 3

/** How many gone items of a list are remembered, so that they are not new when they come back. */
const maxGoneItems = 1000

/** What is news without a rule, by the settings. */
export function policiesOf(config: JudgeConfig): Omit<Criteria, 'rules'> {
  return {
    policy: {
      ...(config.DEFAULT_DETECTOR === 'insight' && { insight: { tellFrom } }),
      threshold: config.DEFAULT_PERCENT_THRESHOLD,
      steps: config.DEFAULT_STEPS,
      types: new Set(config.TELL_CHANGES_OF),
    },
    itemPolicy: {
      ...{ goneAfter: config.GONE_AFTER, maxItemNews, maxGoneItems },
      knowsSamples: config.DEFAULT_DETECTOR === 'insight',
    },
    keptValues,
  }
}
