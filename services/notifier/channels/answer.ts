import { excerpt } from '#runtime/text/shorten.ts'
import { dayMs, hourMs } from '#runtime/text/time.ts'
import { type HttpAnswer, HttpClientError, type HttpFailure } from '#runtime/web/http-client.ts'
import type { NoSecret } from '../secrets/secrets.ts'

/**
 * The result of a call to a channel.
 * - `sent`: the channel has the message.
 * - `retry`: it certainly does not, and may accept it later, not before `afterMs`. `isOutage`: no message of this kind of
 *   channel, or with this secret, goes out until somebody fixes something on our side. `isAlone`: the message that it
 *   follows is gone, so it is sent without it.
 * - `refused`: it certainly does not, and will never accept this message, or any message to this destination.
 * - `lost`: it is unclear whether the channel has it. `isFinal`: it will never become clear.
 */
export type Answer =
  | { kind: 'sent'; reference: string }
  | { kind: 'retry'; reason: string; afterMs?: number; isOutage?: true; isAlone?: true }
  | { kind: 'refused'; concerns: 'message' | 'destination'; reason: string }
  | { kind: 'lost'; reason: string; afterMs?: number; isFinal?: true }

/** The answer for a message whose secret was not found: it is retried, and a missing secret is an outage. */
export function withoutSecret({ problem, isMissing }: NoSecret): Answer {
  return { kind: 'retry', reason: problem, ...(isMissing && { isOutage: true }) }
}

/** Failures after which no request can have arrived. */
const notSent: ReadonlySet<HttpFailure> = new Set(['bad-url', 'address-refused', 'name-not-found', 'connect', 'tls'])

/** The result of a call without a usable HTTP answer. */
export function judgeHttpFailure(error: unknown): Answer {
  if (!(error instanceof HttpClientError)) throw error
  return { kind: notSent.has(error.reason) ? 'retry' : 'lost', reason: excerpt(error.message, 300) }
}

/** The longest wait that a destination can ask for. */
export const maxWaitMs = dayMs

/** The longest wait by X-RateLimit-Reset, whose unit is a guess. */
const maxResetMs = hourMs
/** A reset that is further from now is none. */
const nearMs = 31 * dayMs

/** How long an answer asks to wait, ms, by Retry-After or X-RateLimit-Reset; null: it does not, or makes no sense. */
export function askedWait({ headers }: Pick<HttpAnswer, 'headers'>, now: number): number | null {
  const after = text(headers['retry-after'])
  const waitMs = /^\d+(\.\d+)?$/.test(after) ? Number(after) * 1000 : untilDate(after, now)
  if (waitMs !== null) return between(waitMs, maxWaitMs)
  const resetMs = untilReset(text(headers['x-ratelimit-reset']), now)
  return resetMs === null ? null : between(resetMs, maxResetMs)
}

/**
 * The time until a reset. No standard says its unit: it is a time near now, in seconds or ms since 1970 or as a date,
 * or else seconds from now.
 */
function untilReset(reset: string, now: number): number | null {
  if (!/^\d+(\.\d+)?$/.test(reset)) return untilDate(reset, now)
  const value = Number(reset)
  const waits = [value * 1000 - now, value - now, value * 1000]
  return waits.find((ms) => Math.abs(ms) <= nearMs) ?? null
}

/** The time until an HTTP or ISO date. JavaScript reads a date out of `-5` and `soon 1`, too. */
function untilDate(date: string, now: number): number | null {
  const at = /^([A-Z][a-z]{2,8},? |\d{4}-\d\d-\d\dT)/.test(date) ? Date.parse(date) : Number.NaN
  return Number.isNaN(at) ? null : at - now
}

const between = (ms: number, max: number) => Math.min(Math.max(Math.round(ms), 0), max)

const text = (header: string | string[] | undefined) => ((Array.isArray(header) ? header[0] : header) ?? '').trim()
