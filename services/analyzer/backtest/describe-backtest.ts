import { formatCount, formatList, formatNumber } from '#runtime/text/format.ts'
import type { NewsCounts } from './count-news.ts'
import type { CompanyHistory } from './histories.ts'
import type { Progress } from './run-backtest.ts'

export type Summary = NewsCounts & Progress & { per_company_and_month: number | null; seconds: number }

/** What a backtest found, in a few lines. */
export function describeBacktest(summary: Summary): string {
  const {
    news,
    told,
    by_kind,
    by_severity,
    by_rule,
    by_month,
    per_company_and_month,
    companies,
    payloads,
    values,
    seconds,
  } = summary
  const judged = `Judged ${values.toLocaleString('en')} values of ${formatCount(payloads, 'payload')} about ${companies === 1 ? '1 company' : `${companies} companies`} in ${seconds.toFixed(1)} s.`
  const silent = news > told ? `, and ${formatCount(news - told, 'silent one')}` : ''
  const rate =
    told === 0 || per_company_and_month === null ? '' : `: ${formatNumber(per_company_and_month)} per company and month`
  return [
    judged,
    `${formatCount(told, 'news item')}${silent}${rate}.`,
    ...[
      ['severity', by_severity],
      ['kind', by_kind],
      ['rule', by_rule],
      ['month', Object.fromEntries(Object.entries(by_month).sort())],
    ].flatMap(([name, counts]) =>
      told === 0 ? [] : `by ${name as string}: ${listCounts(counts as Record<string, number>)}`,
    ),
  ].join('\n')
}

function listCounts(counts: Readonly<Record<string, number>>): string {
  return formatList(Object.entries(counts).map(([name, count]) => `${name} ${count}`))
}

const everyMs = 2000

/** Says on stderr how far the judging of these companies is, every two seconds. */
export function sayProgress(companies: readonly CompanyHistory[]): (done: Progress, news: number) => void {
  const all = companies.reduce((sum, { values }) => sum + values, 0)
  let saidAt = performance.now()
  return ({ companies: begun, values }, news) => {
    if (performance.now() < saidAt + everyMs) return
    saidAt = performance.now()
    const share = `${values.toLocaleString('en')} values (${all.toLocaleString('en')} in the period)`
    console.error(`company ${begun} of ${companies.length}, ${share}, ${formatCount(news, 'news item')}`)
  }
}
