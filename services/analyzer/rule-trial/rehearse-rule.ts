import { type Apply } from '#runtime/changes/apply-changes.ts'
import type { Payload } from '#runtime/changes/kinds.ts'
import { sql } from '#runtime/postgres/database.ts'
import { formatCount } from '#runtime/text/format.ts'
import { newRuleId } from '../backtest/asked-rules.ts'
import { countNews, noNews } from '../backtest/count-news.ts'
import { askRule } from '../backtest/criteria.ts'
import { readHistories } from '../backtest/histories.ts'
import { createCompanyMemory } from '../backtest/judge-stored.ts'
import { requirePeriod } from '../backtest/read-period.ts'
import { type BacktestNews, judgeSome, namedIn, readAllParents } from '../backtest/run-backtest.ts'
import { readPayloadsIn } from '../backtest/stored-payloads.ts'
import type { Config } from '../config.ts'
import { readOwnMeanings } from '../meaning/own-polarity.ts'
import { checkRule, readAskedDefinition } from '../rules/change-rules.ts'

/** How long a rule is tried at most: other changes wait meanwhile. */
const withinMs = 5000
/** News items that are kept, the newest ones. All are counted. */
const newsKept = 2000

/**
 * Tries a rule on all that it covers, company by company, and keeps what it would have told in the last 12 months. What
 * the time does not suffice for is not tried, and the answer says how much that is. Changes nothing else.
 */
export function rehearseRule(config: Config): Apply<Payload<'analyzer.rule.rehearse'>> {
  return async (tx, { rule, version, definition: asked }, { id, at }) => {
    const definition = { ...readAskedDefinition(asked), enabled: true }
    const row = await checkRule(tx, { rule_id: newRuleId, version: 1, definition }, config.MAX_WINDOW)
    const { criteria, companies: covered, measurements } = await askRule(config, tx, row)
    const selection = { companies: covered, sources: null, measurements }
    const period = { from: requirePeriod('12m', 'since', at), to: at }
    const companies = await readHistories(tx, selection, period)
    const [parents, own] = [await readAllParents(tx), await readOwnMeanings(tx)]
    const until = performance.now() + withinMs
    const counts = noNews()
    let [tried, payloads] = [0, 0]
    let news: BacktestNews[] = []
    for (const company of companies) {
      if (performance.now() > until || payloads >= config.RULE_TRIAL_PAYLOADS) break
      const memory = createCompanyMemory({ ...config, own })
      await readPayloadsIn(tx, selection, [company], parents.measurements, async (_, stored) => {
        payloads += stored.length
        const told = namedIn(period, await judgeSome(tx, stored, criteria, memory, parents), parents)
        countNews(counts, told)
        news.push(...told.filter(({ silent }) => !silent))
      })
      await tx.query(sql.unsafe`CLOSE stored_payload`)
      news = news.toSorted((a, b) => a.observed_at - b.observed_at).slice(-newsKept)
      tried++
    }
    const kept = news.map(({ observed_at, ...one }) => ({ ...one, observed_at: new Date(observed_at).toISOString() }))
    await tx.query(sql.unsafe`
      INSERT INTO analyzer.rule_rehearsal (change_id, rule_id, version, definition, since, companies, tried, payloads, told,
        silent, by_month, news)
      VALUES (${id}, ${rule ?? null}, ${version ?? null}, ${JSON.stringify(readAskedDefinition(asked))}::jsonb,
        ${new Date(period.from).toISOString()}::timestamptz, ${companies.length}, ${tried}, ${payloads}, ${counts.told},
        ${counts.news - counts.told}, ${JSON.stringify(counts.by_month)}::jsonb, ${JSON.stringify(kept)}::jsonb)`)
    const message = `The rule would have told ${formatCount(counts.told, 'news item')} in the last 12 months.`
    return { message, before: null, after: null }
  }
}
