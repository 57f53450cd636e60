import { STATUS_CODES } from 'node:http'
import { z } from 'zod'
import type { HttpError } from './http-error.ts'
import { json, type RouteResponse } from './response.ts'

export const problemType = 'application/problem+json'

type Kind = { type: string; title: string; remedy: string }

/** What problems of each status are, where the refusal does not say it better. */
const kinds: Record<number, Kind> = {
  400: { type: 'bad-request', title: 'Not understood', remedy: 'Correct the request: `detail` says what is wrong.' },
  401: {
    type: 'unauthenticated',
    title: 'No good credentials',
    remedy: 'Make a key with `parma keys create` and send it as `Authorization: Bearer parma_…`.',
  },
  403: {
    type: 'forbidden',
    title: 'Not allowed',
    remedy: 'Use a key of the role that `detail` names; `parma keys create --role` makes one.',
  },
  404: { type: 'not-found', title: 'Nothing there', remedy: 'Check the path: /openapi.json lists all there are.' },
  405: { type: 'method-not-allowed', title: 'Not this method', remedy: 'Use a method that the header Allow names.' },
  422: { type: 'invalid', title: 'Not valid', remedy: 'Correct what `errors` names.' },
  429: {
    type: 'too-many-requests',
    title: 'Too many requests',
    remedy: 'Wait for as many seconds as Retry-After says; RateLimit-Remaining tells what is left.',
  },
  500: {
    type: 'unexpected',
    title: 'Something nobody thought of',
    remedy: 'Tell the operators the time and the path: the log of the edge has the cause.',
  },
  503: {
    type: 'unavailable',
    title: 'Out of order for a while',
    remedy: 'Wait for as many seconds as Retry-After says and ask again.',
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

/** Whether errors on this path are problems: those of the operator API. All others have the form of the reference. */
export function answersProblemJson(path: string): boolean {
  return path === '/api/v1' || path.startsWith('/api/v1/')
}

/**
 * The problem (RFC 9457) that a refusal is on this path. Beside the members of the RFC, `remedy` says what to do, and
 * `errors` lists the mistakes where there may be several.
 */
export function problem({ status, detail, headers, options }: HttpError, path: string): RouteResponse {
  const kind = kinds[status] ?? { type: 'about:blank', title: STATUS_CODES[status] ?? 'Refused', remedy: '' }
  const { type = kind.type, title = kind.title, remedy = kind.remedy } = options
  const said = typeof detail === 'string' ? { detail } : { detail: 'the request is not valid', errors: detail }
  return json(
    status,
    { type: type.includes(':') ? type : `urn:parma:problem:${type}`, title, status, ...said, instance: path, remedy },
    { ...headers, 'content-type': problemType },
  )
}
