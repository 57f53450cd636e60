import { cutStorable } from '#runtime/read/json-text.ts'
import type { NewValue, StoredValue } from '../store/values.ts'
import type { Comparison } from './compare-values.ts'

type Counts = { same: number; added: number; changed: number; removed: number }
type Sample = {
  event_id: string
  company_id: string
  observed_at: string
  path: string
  item: string | null
  before: string | null
  after: string | null
}

/** What a replay has found so far. `payloads`: with a difference. `kept`: corrected values, which stay as they are. */
export type Report = Counts & {
  payloads: number
  kept: number
  refused: number
  paths: Record<string, Counts>
  samples: Sample[]
  /** Payloads that could not be read or understood, by reason, and the first of them. */
  problems: Record<string, number>
  failures: { event_id: string; reason: string; message: string }[]
}

const mostPaths = 200
const samplesOfPath = 5
const mostSamples = 100
const mostFailures = 50
const sampleLength = 120

export function emptyReport(): Report {
  return {
    ...{ payloads: 0, same: 0, kept: 0, added: 0, changed: 0, removed: 0, refused: 0 },
    ...{ paths: {}, samples: [], problems: {}, failures: [] },
  }
}

/** Adds what was found of a payload. */
export function addToReport(
  report: Report,
  { event_id, company_id, observed_at }: { event_id: string; company_id: string; observed_at: number },
  { same, kept, differences }: Comparison,
  refusals: readonly { leaves: number }[],
): void {
  report.same += same
  report.kept += kept
  for (const { leaves } of refusals) report.refused += leaves
  if (differences.length > 0) report.payloads++
  for (const { before, after } of differences) {
    const { path, item_key: item } = (after ?? before)!
    const change = before === null ? 'added' : after === null ? 'removed' : 'changed'
    report[change]++
    const counts = countsOf(report, path)
    if (counts === null) continue
    counts[change]++
    const nth = counts.added + counts.changed + counts.removed
    if (nth > samplesOfPath || report.samples.length >= mostSamples) continue
    report.samples.push({
      ...{ event_id, company_id, observed_at: new Date(observed_at).toISOString(), path, item },
      ...{ before: before && sampleOf(before), after: after && sampleOf(after) },
    })
  }
}

/** The counts of a path; null: there are too many paths. */
function countsOf({ paths }: Report, path: string): Counts | null {
  if (!Object.hasOwn(paths, path)) {
    if (Object.keys(paths).length >= mostPaths) return null
    // A path may be called `__proto__`, which an assignment would not take.
    const value: Counts = { same: 0, added: 0, changed: 0, removed: 0 }
    Object.defineProperty(paths, path, { value, enumerable: true, writable: true, configurable: true })
  }
  return paths[path]!
}

/** Adds to a report what was found of other payloads. */
export function mergeReport(report: Report, found: Report): void {
  for (const name of ['payloads', 'same', 'kept', 'added', 'changed', 'removed', 'refused'] as const)
    report[name] += found[name]
  for (const [path, of] of Object.entries(found.paths)) {
    const counts = countsOf(report, path)
    if (counts) for (const name of ['same', 'added', 'changed', 'removed'] as const) counts[name] += of[name]
  }
  for (const sample of found.samples) {
    const ofPath = report.samples.filter(({ path }) => path === sample.path)
    if (ofPath.length < samplesOfPath && report.samples.length < mostSamples) report.samples.push(sample)
  }
  for (const [reason, count] of Object.entries(found.problems))
    report.problems[reason] = (report.problems[reason] ?? 0) + count
  report.failures.push(...found.failures.slice(0, mostFailures - report.failures.length))
}

/** Adds a payload of which nothing can be said. */
export function addFailure(report: Report, event_id: string, reason: string, message: string): void {
  report.problems[reason] = (report.problems[reason] ?? 0) + 1
  if (report.failures.length < mostFailures)
    report.failures.push({ event_id, reason, message: cutStorable(message, sampleLength * 2) })
}

/** A value for people to read. */
export function sampleOf({ number, text, date }: StoredValue | NewValue): string {
  return cutStorable(text ?? (date === null ? String(number) : new Date(date).toISOString()), sampleLength)
}
