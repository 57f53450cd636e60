import { STATUS_CODES } from 'node:http'
import { z } from 'zod'
import type { HttpError } from './http-error.ts'
import { json, type RouteResponse } from './response.ts'

export const problemType = 'application/problem+json'

type Kind = { type: string; title: string; remedy: string }

/** Type, title and remedy by status, unless the error has its own. */
const kinds: Record<number, Kind> = {
  400: { type: 'bad-request', title: 'Bad request', remedy: 'Correct the request. `detail` says what is wrong.' },
  401: {
    type: 'unauthenticated',
    title: 'Invalid credentials',
    remedy: 'Create a key with `parma keys create` and send it as `Authorization: Bearer parma_…`.',
  },
  403: {
    type: 'forbidden',
    title: 'Forbidden',
    remedy: 'Use a key with the role that `detail` names. `parma keys create --role` creates one.',
  },
  404: { type: 'not-found', title: 'Not found', remedy: 'Check the path. /openapi.json lists all paths.' },
  405: { type: 'method-not-allowed', title: 'Method not allowed', remedy: 'Use a method that the header Allow lists.' },
  413: {
    type: 'too-large',
    title: 'Body too large',
    remedy: 'Send less at once. `detail` names the limit.',
  },
  415: {
    type: 'unsupported-media-type',
    title: 'Unsupported media type',
    remedy: 'Send a type that `detail` lists.',
  },
  422: { type: 'invalid', title: 'Invalid request', remedy: 'Correct what `errors` lists.' },
  429: {
    type: 'too-many-requests',
    title: 'Too many requests',
    remedy: 'Wait as many seconds as Retry-After says. RateLimit-Remaining shows how many requests are left.',
  },
  500: {
    type: 'unexpected',
    title: 'Unexpected error',
    remedy: 'Report the time and the path to the operators. The log of the edge holds the cause.',
  },
  503: {
    type: 'unavailable',
    title: 'Temporarily unavailable',
    remedy: 'Wait as many seconds as Retry-After says, then try again.',
  },
}

/** The body of every error under /api/v1. */
export const problemBody = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  errors: z.array(z.unknown()).optional(),
  instance: z.string(),
  remedy: z.string(),
})

type Problem = z.output<typeof problemBody>

/** Whether errors on this path are problems: those of the operator API. Others have the form of the predecessor. */
export function answersProblemJson(path: string): boolean {
  return path === '/api/v1' || path.startsWith('/api/v1/')
}

/**
 * The problem (RFC 9457) of an error. Besides the members of the RFC, `remedy` says what to do, and `errors` lists the
 * mistakes of a 422. `instance`: the path, or a part of what was sent there.
 */
export function describeProblem({ status, detail, options }: HttpError, instance: string): Problem {
  const kind = kinds[status] ?? { type: 'about:blank', title: STATUS_CODES[status] ?? 'Refused', remedy: '' }
  const { type = kind.type, title = kind.title, remedy = kind.remedy } = options
  const content =
    typeof detail === 'string' ? { detail } : { detail: 'The request is invalid.', errors: detail as unknown[] }
  return { type: type.includes(':') ? type : `urn:parma:problem:${type}`, title, status, ...content, instance, remedy }
}

/** The response to an error on this path. */
export function problem(error: HttpError, path: string): RouteResponse {
  return json(error.status, describeProblem(error, path), { ...error.headers, 'content-type': problemType })
}
