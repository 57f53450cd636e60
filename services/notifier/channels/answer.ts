import { clean, cut, excerpt } from '#runtime/text/shorten.ts'
import { dayMs } from '#runtime/text/time.ts'
import { type HttpAnswer, HttpClientError, type HttpFailure } from '#runtime/web/http-client.ts'

/**
 * What became of a call. `sent`: the channel has it. `retry`: it certainly has not, and may take it later, not before
 * `afterMs`; `isOurs`: no message of this kind, or with this secret, gets out until we mend something. `refused`: it certainly has not, and never will: this message, or any while the destination is as it is.
 * `lost`: nobody knows, and with `isFinal` nobody will.
 */
export type Answer =
  | { kind: 'sent'; reference: string }
  | { kind: 'retry'; reason: string; afterMs?: number; isOutage?: true }
  | { kind: 'refused'; concerns: 'message' | 'destination'; reason: string }
  | { kind: 'lost'; reason: string; afterMs?: number; isFinal?: true }

/** Failures after which no request can have arrived. */
const notSent: ReadonlySet<HttpFailure> = new Set(['bad-url', 'address-refused', 'name-not-found', 'connect', 'tls'])

/** What a call without a usable answer means for its message. */
export function judgeHttpFailure(error: unknown): Answer {
  if (!(error instanceof HttpClientError)) throw error
  return { kind: notSent.has(error.reason) ? 'retry' : 'lost', reason: excerpt(error.message, 300) }
}

/** A status and the beginning of what was said with it, for people. */
export function describeAnswer({ status, body }: HttpAnswer): string {
  return cut(clean(`answered ${status}: ${body.subarray(0, 1000).toString()}`).replace(/: ?$/, ''), 300)
}

/** No destination is left alone for longer, whatever it asks for. */
export const maxWaitMs = dayMs

/** How long an answer asks to wait, ms: Retry-After, or the time X-RateLimit-Reset; null when it says nothing. */
export function askedWait({ headers }: Pick<HttpAnswer, 'headers'>, now: number): number | null {
  const after = text(headers['retry-after'])
  const reset = text(headers['x-ratelimit-reset'])
  const ms = /^\d+$/.test(after)
    ? Number(after) * 1000
    : Number.isNaN(Date.parse(after))
      ? Number(reset || Number.NaN) * 1000 - now
      : Date.parse(after) - now
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), maxWaitMs) : null
}

const text = (header: string | string[] | undefined) => (Array.isArray(header) ? header[0] : header) ?? ''
