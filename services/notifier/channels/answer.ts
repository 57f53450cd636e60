import { clean, cut, excerpt } from '#runtime/text/shorten.ts'
import { dayMs } from '#runtime/text/time.ts'
import { type HttpAnswer, HttpClientError, type HttpFailure } from '#runtime/web/http-client.ts'

/**
 * The result of a call to a channel.
 * - `sent`: the channel has the message.
 * - `retry`: it certainly does not, and may accept it later, not before `afterMs`. `isOutage`: no message of this kind of
 *   channel, or with this secret, goes out until somebody fixes something on our side.
 * - `refused`: it certainly does not, and will never accept this message, or any message to this destination.
 * - `lost`: it is unclear whether the channel has it. `isFinal`: it will never become clear.
 */
export type Answer =
  | { kind: 'sent'; reference: string }
  | { kind: 'retry'; reason: string; afterMs?: number; isOutage?: true }
  | { kind: 'refused'; concerns: 'message' | 'destination'; reason: string }
  | { kind: 'lost'; reason: string; afterMs?: number; isFinal?: true }

/** Failures after which no request can have arrived. */
const notSent: ReadonlySet<HttpFailure> = new Set(['bad-url', 'address-refused', 'name-not-found', 'connect', 'tls'])

/** The result of a call without a usable HTTP answer. */
export function judgeHttpFailure(error: unknown): Answer {
  if (!(error instanceof HttpClientError)) throw error
  return { kind: notSent.has(error.reason) ? 'retry' : 'lost', reason: excerpt(error.message, 300) }
}

/** The status and the beginning of the body, for people. */
export function describeAnswer({ status, body }: HttpAnswer): string {
  return cut(clean(`answered ${status}: ${body.subarray(0, 1000).toString()}`).replace(/: ?$/, ''), 300)
}

/** The longest wait that a destination can ask for. */
export const maxWaitMs = dayMs

/** How long an answer asks to wait, ms, by Retry-After or X-RateLimit-Reset; null: it does not. */
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
