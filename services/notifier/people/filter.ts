import { sha256 } from '#runtime/read/json-text.ts'

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
  /** Of its series; absent and null: none. */
  subject_key?: string | null
  item_key?: string | null
} & Partial<Badness>

/** What tells whether a news item is worse than another about the same. */
type Badness = {
  severity: Severity
  /** 0 to 1. */
  importance: number | null
  previous: string | null
  current: string | null
}

/** Which news items of a company a subscription covers; null covers all. */
export type Filter = { data_source_id: number | null; min_severity: Severity; kinds: readonly string[] | null }

/** Which news items a person does not get: those that match every field that is not null. */
export type Mute = {
  company_id: number | null
  /** The companies of a bucket. */
  companies: ReadonlySet<number> | null
  data_source_id: number | null
  source_measurement_id: number | null
  /** Of one series. */
  subject_key: string | null
  /** Empty: the series is of no list item. */
  item_key: string | null
  below: Severity | null
  /** The news item after which the person wanted quiet until it gets worse. */
  worse_than: Badness | null
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

/** The first of the mutes that matches the news item. */
export function findMute<M extends Mute>(news: Filterable, mutes: readonly M[]): M | undefined {
  return mutes.find((mute) => isAbout(mute, news) && (mute.worse_than === null || !isWorse(news, mute.worse_than)))
}

/** Those of the mutes until it gets worse that the news item ends. */
export function findWorsened<M extends Mute>(news: Filterable, mutes: readonly M[]): M[] {
  return mutes.filter((mute) => mute.worse_than !== null && isAbout(mute, news) && isWorse(news, mute.worse_than))
}

function isAbout(mute: Mute, news: Filterable): boolean {
  const fits = <T>(given: T | null, value: T | null) => given === null || given === value
  return (
    fits(mute.company_id, news.company_id) &&
    (mute.companies === null || mute.companies.has(news.company_id)) &&
    fits(mute.data_source_id, news.data_source_id) &&
    fits(mute.source_measurement_id, news.source_measurement_id) &&
    fitsKey(mute.subject_key, news.subject_key ?? '') &&
    fitsKey(mute.item_key, news.item_key ?? '') &&
    (mute.below === null || rank(news.severity) < rank(mute.below))
  )
}

/** Pages know a series with a very long key by the hash that the analyzer keeps of it. */
function fitsKey(given: string | null, key: string): boolean {
  if (given === null || given === key) return true
  return given.startsWith('sha256:') && given === sha256(key)
}

/** How much more important a news item must be to be worse. */
const importanceStep = 0.1

/**
 * Whether a news item is worse than an earlier one about the same: more severe, clearly more important, or its number has
 * moved as far again in the same direction.
 */
function isWorse({ severity, importance = null, current = null }: Filterable, before: Badness): boolean {
  if (rank(severity) > rank(before.severity)) return true
  if (importance !== null && before.importance !== null && importance >= before.importance + importanceStep) return true
  const [from, to, now] = [before.previous, before.current, current].map(readNumber) as [number, number, number]
  const step = to - from
  return step !== 0 && (now - to) * Math.sign(step) >= Math.abs(step)
}

/** NaN is not above anything. */
function readNumber(text: string | null): number {
  return text === null || text.trim() === '' ? NaN : Number(text)
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
