import { count } from '#runtime/process/config.ts'

export const trialSettings = {
  RULE_TRIAL_PAYLOADS: count(20_000).describe(
    'Payloads on which a rule is tried for the page of a series, the newest ones. The page says when there are more.',
  ),
  RULE_TRIAL_TIMEOUT_MS: count(1500).describe(
    'Time in which a rule must be tried on a series. A try that takes longer is refused, so that other changes need not wait.',
  ),
  RULE_REHEARSAL_TIMEOUT_MS: count(5000).describe(
    'Time in which a rule is tried on 12 months of the companies that it covers. The page says how many of them that was enough for; other changes wait meanwhile.',
  ),
}
