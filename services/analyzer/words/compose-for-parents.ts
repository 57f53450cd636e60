import type { Found } from '../judge/judge-payload.ts'
import type { Weighing } from '../meaning/weigh-news.ts'
import type { Payload } from '../values/payload.ts'
import { composeNews, type NewsRow } from './compose-news.ts'

/** The companies, sources and measurements that exist, by id, with their names. */
export type Parents = Record<'companies' | 'sources' | 'measurements', ReadonlyMap<number, string>>

/** The news items of a payload; or what no longer exists, so that there are none. */
export function composeForParents(
  payload: Payload,
  found: readonly Found[],
  { companies, sources, measurements }: Parents,
  weighing: Weighing,
): { rows: NewsRow[] } | { gone: 'company' | 'source' | 'measurement' } {
  const company = companies.get(Number(payload.company_id))
  const there = found.filter((one) => measurements.has(measurementOf(one)))
  if (company === undefined) return { gone: 'company' }
  if (!sources.has(payload.data_source_id)) return { gone: 'source' }
  return there.length === 0 ? { gone: 'measurement' } : { rows: composeNews(payload, there, company, weighing) }
}

export function measurementOf(one: Found): number {
  return 'items' in one ? one.items.anchor.source_measurement_id : one.value.source_measurement_id
}
