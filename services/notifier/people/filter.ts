/** How much a news matters, the least first. */
export const severities = ['info', 'warning', 'critical'] as const
export type Severity = (typeof severities)[number]

/** What of a news decides who hears it. Operations are of company 0. */
export type Filterable = {
  company_id: number
  data_source_id: number | null
  source_measurement_id: number | null
  severity: Severity
  kind: string
}

/** Which news of their company a person asks for. */
export type Filter = { data_source_id: number | null; min_severity: Severity; kinds: readonly string[] | null }

/** Which news a person does not want: those that are all of what is given. */
export type Mute = {
  company_id: number | null
  data_source_id: number | null
  source_measurement_id: number | null
  below: Severity | null
}

const rank = (severity: Severity) => severities.indexOf(severity)

export function passesFilter(news: Filterable, { data_source_id, min_severity, kinds }: Filter): boolean {
  return (
    (data_source_id === null || data_source_id === news.data_source_id) &&
    rank(news.severity) >= rank(min_severity) &&
    (kinds === null || kinds.includes(news.kind))
  )
}

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

/** What a subscription is about, as in "follows warnings about acme from npm". Names, those that it gives. */
export function describeFilter(
  { min_severity, kinds }: Filter,
  { company, bucket, source }: { company: string | null; bucket: string | null; source: string | null },
): string {
  const about = company ?? (bucket === null ? 'all companies' : `the bucket ${bucket}`)
  const severity = { info: '', warning: 'warnings about ', critical: 'critical news about ' }[min_severity]
  return `${severity}${about}${source === null ? '' : ` from ${source}`}${kinds === null ? '' : ` (${kinds.join(', ')})`}`
}
