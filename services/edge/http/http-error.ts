import { z } from 'zod'

/** The body of every refusal but 422. */
export const errorBody = z.object({ detail: z.string() })

/** What a refusal says beside its status, where it becomes a problem (problem.ts), of what makes it unlike others of it. */
export type HttpErrorOptions = ErrorOptions & { type?: string; title?: string; remedy?: string }

/**
 * The one way a route says no: `{"detail": …}` with this status (contract section 3), or under /api/v1 a problem.
 * `detail` is for the caller to read.
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

/** Something of ours is out of order for a while; the caller loses nothing by trying again. */
export function unavailable(detail: string, cause?: unknown): HttpError {
  return new HttpError(503, detail, { 'retry-after': String(retryAfterSeconds) }, { cause })
}
