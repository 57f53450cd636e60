import { z } from 'zod'

/** The body of every error but 422. */
export const errorBody = z.object({ detail: z.string() })

/** For errors under /api/v1 (problem.ts): what differs from other errors of the same status. */
export type HttpErrorOptions = ErrorOptions & { type?: string; title?: string; remedy?: string }

/**
 * An error that becomes a response: `{"detail": …}` with this status (contract section 3), or a problem under /api/v1.
 * The caller reads `detail`: a text, or a list of mistakes.
 */
export class HttpError extends Error {
  readonly status: number
  readonly detail: unknown
  readonly headers: Record<string, string>
  readonly options: HttpErrorOptions
  constructor(status: number, detail: unknown, headers: Record<string, string> = {}, options: HttpErrorOptions = {}) {
    super(typeof detail === 'string' ? detail : JSON.stringify(detail), options)
    this.name = 'HttpError'
    this.status = status
    this.detail = detail
    this.headers = headers
    this.options = options
  }
}

const retryAfterSeconds = 5

/** 503 with Retry-After: part of the system is down for a while, and the caller loses nothing by trying again. */
export function unavailable(detail: string, cause?: unknown): HttpError {
  return new HttpError(503, detail, { 'retry-after': String(retryAfterSeconds) }, { cause })
}
