import { cut } from '#runtime/text/shorten.ts'
import type { CrawlError } from '#schemas/generated/types.ts'

export type CrawlErrors = Record<string, CrawlError>

/** A record holds both the errors and their text, and its topic allows 1 MiB. */
const maxSummaryBytes = 400_000
/** Characters that are left of a text when nothing else helps. */
const shortest = 50

/** The `result_summary` of a finished task: its errors as Python's `json.dumps` writes them, empty for null. */
export function summarize(errors: CrawlErrors | null): string {
  if (errors === null) return ''
  const entries = Object.entries(errors).map(
    ([company, { error_type, error_description }]) =>
      `${quote(company)}: {"error_type": ${quote(error_type)}, "error_description": ${quote(error_description)}}`,
  )
  return `{${entries.join(', ')}}`
}

/** `json.dumps` writes ASCII only. */
function quote(text: string | null): string {
  return JSON.stringify(text).replaceAll(
    /[^\x20-\x7e]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** The errors, small enough for one record: descriptions are cut first, then companies are left out. */
export function fitErrors(errors: CrawlErrors | null, maxBytes = maxSummaryBytes): CrawlErrors | null {
  if (errors === null) return null
  for (const length of [Number.POSITIVE_INFINITY, 1000, 200, shortest]) {
    const shorter = mapErrors(errors, (text) => cut(text, length))
    if (summarize(shorter).length <= maxBytes) return shorter
  }
  const kept: [string, CrawlError][] = []
  let size = 2
  for (const [company, { error_type }] of Object.entries(errors)) {
    const error = { error_type: cut(error_type, shortest), error_description: null }
    const bytes = summarize({ [company]: error }).length
    // One long id costs no other company.
    if (size + bytes > maxBytes) continue
    size += bytes
    kept.push([company, error])
  }
  return Object.fromEntries(kept)
}

function mapErrors(errors: CrawlErrors, change: (text: string) => string): CrawlErrors {
  const entries = Object.entries(errors).map(([company, { error_type, error_description }]): [string, CrawlError] => [
    company,
    {
      error_type: change(error_type),
      error_description: error_description === null ? null : change(error_description),
    },
  ])
  return Object.fromEntries(entries)
}
