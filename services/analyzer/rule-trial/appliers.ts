import type { Appliers, Apply } from '#runtime/changes/apply-changes.ts'
import type { Payload } from '#runtime/changes/kinds.ts'
import { hasCode } from '#runtime/calls/retry.ts'
import { sql } from '#runtime/postgres/database.ts'
import { formatCount } from '#runtime/text/format.ts'
import type { Config } from '../config.ts'
import { setPolarity } from '../meaning/own-polarity.ts'
import { decideAtDesk } from '../suspect/held-runs.ts'
import { rehearseRule } from './rehearse-rule.ts'
import { excludeFromRule, saveRule, switchRule } from './rule-appliers.ts'
import { triedBasis } from './tried-rule.ts'
import { findTried, tooLong, tryOnSeries } from './try-on-series.ts'

/** News items of a trial that are kept, the newest ones. All are counted. */
const newsKept = 200

/** Every change that the analyzer makes. */
export function openAppliers(config: Config): Appliers<'analyzer'> {
  return {
    'analyzer.polarity.set': setPolarity(config),
    'analyzer.rule.try': tryRule(config),
    'analyzer.rule.save': saveRule(config),
    'analyzer.rule.switch': switchRule(config),
    'analyzer.rule.exclude': excludeFromRule(config),
    'analyzer.rule.rehearse': rehearseRule(config),
    'analyzer.held_run.decide': decideAtDesk,
  }
}

/** Tries a rule on a series, and keeps what it would have told for whoever asked. Changes nothing else. */
function tryRule(config: Config): Apply<Payload<'analyzer.rule.try'>> {
  const bounds = { most: config.RULE_TRIAL_PAYLOADS, withinMs: config.RULE_TRIAL_TIMEOUT_MS }
  return async (tx, asked, { id }) => {
    const { company_measurement, subject, item, condition, direction = 'both', threshold } = asked
    const tried = await findTried(tx, asked)
    const trial = await tryOnSeries(config, tx, asked, tried, triedBasis(asked, tried), bounds).catch(
      (error: unknown) => {
        // Tried again it would take as long, and changes that wait behind it would wait longer.
        throw hasCode(error, '57014') ? tooLong() : error
      },
    )
    const { payloads, newestNo, cutAt, news } = trial
    const told = news.filter(({ silent }) => !silent)
    const kept = told.toSorted((a, b) => a.observed_at - b.observed_at).slice(-newsKept)
    await tx.query(sql.unsafe`
      INSERT INTO analyzer.rule_trial (change_id, company_measurement_id, subject_key, item_key, condition, direction,
        threshold, payloads, newest_no, cut_at, told, silent, news)
      VALUES (${id}, ${company_measurement}, ${subject}, ${item}, ${condition}, ${direction}, ${threshold}, ${payloads},
        ${newestNo}, ${cutAt === null ? null : new Date(cutAt).toISOString()}::timestamptz, ${told.length},
        ${news.length - told.length},
        ${JSON.stringify(kept.map(({ observed_at: at, title }) => ({ at, title })))}::jsonb)`)
    const by = condition === 'unusual' ? 'Detectors' : 'The rule'
    const message = `${by} would have told ${formatCount(told.length, 'news item')}.`
    return { message, before: null, after: null }
  }
}
