import type { Past } from './evidence.ts'

/** What is counted of a news item. `observed_at`: ms since 1970. */
export type Counted = {
  company_id: number
  source_measurement_id: number
  kind: string
  subject_key: string
  item_key: string | null
  observed_at: number
}

/** The news items before a news item, as far as they are known. */
export type PastNews = {
  /** Those of the year before, without those of the same time. */
  count(one: Counted): Past
  add(one: Counted): void
}

export const yearMs = 365 * 86_400_000
/** The newest news items of a company, and of all, are enough. */
export const mostCounted = 100

/**
 * Remembers news items in the order they are added, which is the order of time in a backtest. `stored`: those counted
 * elsewhere that are not added here.
 */
export function rememberNews(stored: (one: Counted) => Counts = () => nothing): PastNews {
  const [ofCompany, ofAll] = [new Map<string, Counted[]>(), new Map<string, Counted[]>()]
  return {
    count(one) {
      const counts = stored(one)
      const own = newestBefore(one, ofCompany.get(companyKey(one)) ?? [])
      const same = own.filter((other) => other.item_key === one.item_key && other.subject_key === one.subject_key)
      const others = newestBefore(one, ofAll.get(measurementKey(one)) ?? []).filter(
        ({ company_id }) => company_id !== one.company_id,
      )
      const companies = Math.max(1, counts.companies, new Set(others.map(({ company_id }) => company_id)).size)
      return {
        series: counts.series + same.length,
        company: counts.company + own.length - same.length,
        others: (counts.others + others.length) / companies,
      }
    },
    add(one) {
      append(ofCompany, companyKey(one), one)
      append(ofAll, measurementKey(one), one)
    },
  }
}

function newestBefore({ observed_at: at }: Counted, known: readonly Counted[]): Counted[] {
  return known.slice(-mostCounted).filter((other) => other.observed_at < at && other.observed_at >= at - yearMs)
}

function append(map: Map<string, Counted[]>, key: string, one: Counted): void {
  const known = map.get(key)
  if (known) known.push(one)
  else map.set(key, [one])
}

/** `others`: news items of other companies, `companies` of them. */
export type Counts = { series: number; company: number; others: number; companies: number }

export const nothing: Counts = { series: 0, company: 0, others: 0, companies: 0 }

const measurementKey = ({ source_measurement_id, kind }: Counted) => `${source_measurement_id}/${kind}`
const companyKey = (one: Counted) => `${one.company_id}/${measurementKey(one)}`
