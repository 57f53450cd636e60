import { type Apply, RefusedError } from '#runtime/changes/apply-changes.ts'
import type { Payload } from '#runtime/changes/kinds.ts'
import { hasCode } from '#runtime/calls/retry.ts'
import { sql, type Transaction } from '#runtime/postgres/database.ts'
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

/** News items that are kept, the newest ones. All are counted. */
const newsKept = 2000

/**
 * Tries a rule on all that it covers, company by company, and keeps what it would have told in the last 12 months. What
 * the time does not suffice for is not tried, and the answer says how much that is. Changes nothing else. A RefusedError
 * when it does not suffice for one company.
 */
export function rehearseRule(config: Config): Apply<Payload<'analyzer.rule.rehearse'>> {
  const rehearse = rehearseWithin(config)
  return (...asked) =>
    rehearse(...asked).catch((error: unknown) => {
      throw isOver(error) ? tooMuch() : error
    })
}

const tooMuch = () =>
  new RefusedError('Already one company has too many values to try this rule in time. Give it a narrower scope.')

/** The time is over. */
class TimeOverError extends Error {}

/** Whether it was the time of this trial, or that of a statement in it. */
const isOver = (error: unknown) => error instanceof TimeOverError || hasCode(error, '57014')

function rehearseWithin(config: Config): Apply<Payload<'analyzer.rule.rehearse'>> {
  const withinMs = config.RULE_REHEARSAL_TIMEOUT_MS
  return async (tx, { rule, version, definition: asked }, { id, at }) => {
    const until = performance.now() + withinMs
    await limitStatements(tx, withinMs)
    const definition = { ...readAskedDefinition(asked), enabled: true }
    const row = await checkRule(tx, { rule_id: newRuleId, version: 1, definition }, config.MAX_WINDOW)
    const { criteria, companies: covered, measurements } = await askRule(config, tx, row)
    const selection = { companies: covered, sources: null, measurements }
    const period = { from: requirePeriod('12m', 'since', at), to: at }
    const companies = await readHistories(tx, selection, period)
    const [parents, own] = [await readAllParents(tx), await readOwnMeanings(tx)]
    const counts = noNews()
    let [tried, payloads] = [0, 0]
    let news: BacktestNews[] = []
    for (const company of companies) {
      if (performance.now() > until || payloads >= config.RULE_TRIAL_PAYLOADS) break
      const memory = createCompanyMemory({ ...config, own })
      const ofCompany: { payloads: number; told: BacktestNews[] } = { payloads: 0, told: [] }
      await tx.query(sql.unsafe`SAVEPOINT company`)
      await limitStatements(tx, until - performance.now())
      try {
        await readPayloadsIn(tx, selection, [company], parents.measurements, async (_, stored) => {
          if (performance.now() > until) throw new TimeOverError()
          ofCompany.payloads += stored.length
          ofCompany.told.push(...namedIn(period, await judgeSome(tx, stored, criteria, memory, parents), parents))
        })
      } catch (error) {
        if (!isOver(error) || tried === 0) throw error
        // What its first payloads told says nothing of its others.
        await tx.query(sql.unsafe`ROLLBACK TO SAVEPOINT company`)
        break
      }
      await tx.query(sql.unsafe`CLOSE stored_payload`)
      payloads += ofCompany.payloads
      countNews(counts, ofCompany.told)
      news.push(...ofCompany.told.filter(({ silent }) => !silent))
      news = news.toSorted((a, b) => a.observed_at - b.observed_at).slice(-newsKept)
      tried++
    }
    if (tried === 0 && companies.length > 0) throw new TimeOverError()
    await limitStatements(tx, withinMs)
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

/** Ends what takes longer in Postgres. */
function limitStatements(tx: Transaction, ms: number) {
  return tx.query(sql.unsafe`SELECT set_config('statement_timeout', ${`${Math.max(1, Math.ceil(ms))}ms`}, true)`)
}
