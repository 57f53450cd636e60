import { dayMs } from '#runtime/text/time.ts'
import type { NewsRow } from '../words/compose-news.ts'
import type { CompanyHistory } from './histories.ts'

type Counts = Record<string, number>

/** How many news items there are. `told`: those that are not silent, to which all other counts refer. */
export type NewsCounts = {
  news: number
  told: number
  by_kind: Counts
  by_severity: Counts
  by_month: Counts
  by_rule: Counts
}

export const noNews = (): NewsCounts => ({ news: 0, told: 0, by_kind: {}, by_severity: {}, by_month: {}, by_rule: {} })

type Counted = Pick<NewsRow, 'kind' | 'severity' | 'observed_at' | 'rule_id' | 'silent'>

/** Adds news items to `counts`. */
export function countNews(counts: NewsCounts, news: readonly Counted[]): void {
  for (const { kind, severity, observed_at, rule_id, silent } of news) {
    counts.news++
    if (silent) continue
    counts.told++
    add(counts.by_kind, kind)
    add(counts.by_severity, severity)
    add(counts.by_month, new Date(observed_at).toISOString().slice(0, 7))
    add(counts.by_rule, rule_id ?? 'no rule')
  }
}

function add(counts: Counts, key: string): void {
  counts[key] = (counts[key] ?? 0) + 1
}

const monthMs = (365.25 / 12) * dayMs

/**
 * News items per company and month. A company counts for the time from its first payload to its last, but at least for
 * a month; null without companies.
 */
export function ratePerMonth(
  { told }: Pick<NewsCounts, 'told'>,
  companies: readonly Pick<CompanyHistory, 'first' | 'last'>[],
): number | null {
  const months = companies.reduce((sum, { first, last }) => sum + Math.max(1, (last - first) / monthMs), 0)
  return months === 0 ? null : told / months
}
