import type { Request, Response } from 'express'
import { ipKeyGenerator, rateLimit } from 'express-rate-limit'
import type { Config } from '../config.ts'
import { HttpError } from '../http/http-error.ts'
import { createCounters } from './counters.ts'

const windowMs = 60_000

/**
 * A limit of requests per minute and key. Requests above it are an HttpError with 429. The headers RateLimit-* show
 * what is left.
 */
type Limit = {
  /** Counts a request. */
  count(key: string, request: Request, response: Response): Promise<void>
  /** Counts nothing. Rejects if the last counted request was over the limit. */
  check(key: string): Promise<void>
}

/** Each process counts its own requests. */
export type Limits = {
  /** Without credentials, by address and route. */
  anonymous: Limit
  /** With a token, by its source. */
  source: Limit
  /** With an API key, by key. */
  apiKey: Limit
  /** With a session, by session. */
  session: Limit
  /** With invalid credentials, by address. */
  refused: Limit
}

type LimitSettings = Pick<
  Config,
  'RATE_LIMIT_ANONYMOUS' | 'RATE_LIMIT_SOURCE' | 'RATE_LIMIT_API_KEY' | 'RATE_LIMIT_SESSION' | 'RATE_LIMIT_REFUSED'
>

/** Callers counted at once per limit. The oldest are dropped, so that invented addresses cannot fill the memory. */
const maxCallers = 20_000

export function createLimits(settings: LimitSettings): Limits {
  return {
    anonymous: createLimit(settings.RATE_LIMIT_ANONYMOUS, 'requests without credentials'),
    source: createLimit(settings.RATE_LIMIT_SOURCE, 'requests from one data source'),
    apiKey: createLimit(settings.RATE_LIMIT_API_KEY, 'requests with one API key'),
    session: createLimit(settings.RATE_LIMIT_SESSION, 'requests of one browser'),
    refused: createLimit(settings.RATE_LIMIT_REFUSED, 'requests with invalid credentials'),
  }
}

function createLimit(perMinute: number, what: string): Limit {
  if (perMinute === 0) return { count: async () => undefined, check: async () => undefined }
  const detail = `Too many ${what}: at most ${perMinute} per minute.`
  const store = createCounters(windowMs, maxCallers)
  const middleware = rateLimit({
    windowMs,
    limit: perMinute,
    store,
    standardHeaders: 'draft-6',
    legacyHeaders: false,
    keyGenerator: (_request, response) => String(response.locals.countedBy),
    handler: (_request, _response, next) => next(new HttpError(429, detail)),
    // The library's checks only warn on the console of mistakes in the options above.
    validate: false,
  })
  return {
    count(key, request, response) {
      response.locals.countedBy = key
      return new Promise((resolve, reject) => {
        void middleware(request, response, (error?: unknown) =>
          error === undefined ? resolve() : reject(error as Error),
        )
      })
    },
    async check(key) {
      const known = await store.get?.(key)
      if (known && known.totalHits > perMinute) throw tooMany(detail, perMinute, known.resetTime)
    },
  }
}

/**
 * A limit of calls per minute or hour and key that a handler counts, because only it knows the key. Rejects with an
 * HttpError with 429. Each process counts its own calls.
 */
export function createCallLimit(
  most: number,
  what: string,
  per: 'minute' | 'hour' = 'minute',
): (key: string) => Promise<void> {
  if (most === 0) return async () => undefined
  const detail = `Too many ${what}: at most ${most} per ${per}.`
  const lengthMs = per === 'minute' ? windowMs : 60 * windowMs
  const store = createCounters(lengthMs, maxCallers)
  return async (key) => {
    const { totalHits, resetTime } = await store.increment(key)
    if (totalHits > most) throw tooMany(detail, most, resetTime, lengthMs)
  }
}

function tooMany(detail: string, most: number, resetTime: Date | undefined, lengthMs = windowMs): HttpError {
  const leftMs = resetTime ? resetTime.getTime() - Date.now() : lengthMs
  const seconds = String(Math.max(1, Math.ceil(leftMs / 1000)))
  return new HttpError(429, detail, {
    'retry-after': seconds,
    'ratelimit-policy': `${most};w=${lengthMs / 1000}`,
    'ratelimit-limit': String(most),
    'ratelimit-remaining': '0',
    'ratelimit-reset': seconds,
  })
}

/** X-Forwarded-For may hold any text. No address is longer than this. */
const maxAddressLength = 64

/** The caller's address. The addresses of one IPv6 network count as one, because a caller can use all of them. */
export function addressOf(request: Request): string {
  return ipKeyGenerator(request.ip ?? '').slice(0, maxAddressLength)
}
