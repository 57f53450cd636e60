import type { Database } from '#runtime/postgres/database.ts'
import { formatShortTime } from '#runtime/text/format.ts'
import type { JudgeConfig } from '../config.ts'
import { countNews, type NewsCounts, noNews, ratePerMonth } from './count-news.ts'
import { askRule } from './criteria.ts'
import { describeBacktest, type Summary } from './describe-backtest.ts'
import { readHistories } from './histories.ts'
import type { RuleRow } from './asked-rules.ts'
import { requirePeriod } from './read-period.ts'
import { runBacktest } from './run-backtest.ts'

/** `newest`: the last news items that are not silent, the newest first. Times in ISO 8601. */
export type RuleTrial = Summary & { newest: { observed_at: string; title: string; severity: string }[] }

const shown = 10

/** What a rule would have told since `since`, a time before now as typed, such as 12m. Stores nothing. */
export async function tryRule(
  config: JudgeConfig,
  database: Database,
  row: RuleRow,
  since: string,
): Promise<RuleTrial> {
  const now = Date.now()
  const period = { from: requirePeriod(since, '--backtest', now), to: now }
  const { criteria, ...needed } = await askRule(config, database, row)
  const selection = { sources: null, ...needed }
  const companies = await readHistories(database, selection, period)
  const counts: NewsCounts = noNews()
  const newest: (RuleTrial['newest'][number] & { at: number })[] = []
  const startedAt = performance.now()
  const done = await runBacktest(config, database, selection, period, companies, criteria, {
    onNews: async (news) => {
      countNews(counts, news)
      for (const { observed_at: at, title, severity, silent } of news)
        if (!silent) newest.push({ at, observed_at: new Date(at).toISOString(), title, severity })
      newest.sort((a, b) => b.at - a.at).splice(shown)
    },
    onProgress: () => undefined,
  })
  const seconds = (performance.now() - startedAt) / 1000
  const rate = ratePerMonth(counts, companies)
  return { ...counts, per_company_and_month: rate, ...done, seconds, newest: newest.map(({ at: _, ...one }) => one) }
}

export function describeTrial(trial: RuleTrial, since: string): string {
  const lines = trial.newest.map(
    (one) => `  ${formatShortTime(Date.parse(one.observed_at))}  ${one.severity}  ${one.title}`,
  )
  const newest = lines.length === 0 ? [] : ['The newest:', ...lines]
  return [`In the last ${since} it would have told:`, describeBacktest(trial), ...newest].join('\n')
}
