import { dayMs, minuteMs } from '../text/time.ts'

/**
 * A company id as canonical decimal text: `"01"`, `" 1"` and `"+1"` are `"1"`. A text that is not a decimal integer
 * stays as it is, and the normalizer refuses the payload as `company-id`.
 */
export function canonicalCompanyId(text: string): string {
  const [, sign = '', digits] = /^\s*([+-]?)0*(\d+)\s*$/.exec(text) ?? []
  if (digits === undefined) return text
  return sign === '-' && digits !== '0' ? `-${digits}` : digits
}

/** Whether a payload is history: stored and judged, but nobody is notified. */
export function isHistory(receivedAt: number, observedAt: number | null): boolean {
  return observedAt !== null && receivedAt - observedAt > dayMs
}

/** How far the time of a payload may be ahead of the edge's clock. */
export const maxAheadMs = 5 * minuteMs

/** Why the edge does not take a payload of this time (both in ms since 1970); null: it does. */
export function findTimeFault(observedAt: number, now: number): string | null {
  if (observedAt > now + maxAheadMs) return 'observed_at is more than 5 minutes in the future'
  return observedAt < 0 ? 'observed_at is before 1970' : null
}

/** Why the edge does not take an observed_at that is none. */
export const wrongTime = 'observed_at must be a date or time in ISO 8601, for example 2026-01-31T12:00:00Z'
