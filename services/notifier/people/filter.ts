/** How much a news item matters, in rising order. */
export const severities = ['info', 'warning', 'critical'] as const
export type Severity = (typeof severities)[number]

/** The fields of a news item, or of an operational event (company 0), that filters and mutes look at. */
export type Filterable = {
  company_id: number
  data_source_id: number | null
  source_measurement_id: number | null
  severity: Severity
  kind: string
}

/** Which news items of a company a subscription covers; null covers all. */
export type Filter = { data_source_id: number | null; min_severity: Severity; kinds: readonly string[] | null }

/** Which news items a person does not get: those that match every field that is not null. */
export type Mute = {
  company_id: number | null
  data_source_id: number | null
  source_measurement_id: number | null
  below: Severity | null
}

const rank = (severity: Severity) => severities.indexOf(severity)

/** Whether a subscription with this filter covers the news item. */
export function passesFilter(news: Filterable, { data_source_id, min_severity, kinds }: Filter): boolean {
  return (
    (data_source_id === null || data_source_id === news.data_source_id) &&
    rank(news.severity) >= rank(min_severity) &&
    (kinds === null || kinds.includes(news.kind))
  )
}

/** Whether one of the mutes matches the news item. */
export function isMuted(news: Filterable, mutes: readonly Mute[]): boolean {
  const fits = (given: number | null, value: number | null) => given === null || given === value
  return mutes.some(
    ({ company_id, data_source_id, source_measurement_id, below }) =>
      fits(company_id, news.company_id) &&
      fits(data_source_id, news.data_source_id) &&
      fits(source_measurement_id, news.source_measurement_id) &&
      (below === null || rank(news.severity) < rank(below)),
  )
}

/**
 * What a subscription covers, to follow the word "follows": "warnings about acme from npm". The names are null where it
 * names none.
 */
export function describeFilter(
  { min_severity, kinds }: Filter,
  { company, bucket, source }: { company: string | null; bucket: string | null; source: string | null },
): string {
  const about = company ?? (bucket === null ? 'all companies' : `the bucket ${bucket}`)
  const severity = { info: '', warning: 'warnings about ', critical: 'critical news about ' }[min_severity]
  return `${severity}${about}${source === null ? '' : ` from ${source}`}${kinds === null ? '' : ` (${kinds.join(', ')})`}`
}
