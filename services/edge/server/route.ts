import type { IncomingHttpHeaders } from 'node:http'
import type { z } from 'zod'
import type { Session } from '../access/sessions.ts'
import type { Caller } from '../access/token.ts'
import type { Viewer } from '../access/viewer.ts'
import { pageType } from '../design/layout.ts'
import { answersProblemJson } from '../http/problem.ts'
import type { RouteResponse } from '../http/response.ts'

/** A request as handlers see it. */
export type RouteRequest = {
  headers: IncomingHttpHeaders
  /** The last value of each name. */
  query: Record<string, string>
  params: Record<string, string>
  traceparent: string | undefined
  /** Known to this request alone. */
  key: string
  /** The caller's address, as limits count it. */
  address: string
  /** Receives the body, once. No part of it is received before. */
  readBody(): Promise<Buffer>
  /** Receives the body piece by piece (ReceiveBody of body.ts). */
  receiveBody(maxBytes: number, take: (chunk: Buffer) => void): Promise<() => void>
}

type Method = 'get' | 'post' | 'delete'
type MaybeAsync<T> = T | Promise<T>

/** What a status of a route means, and its body. */
export type ResponseDoc = {
  description: string
  /**
   * Of the body. Without it, an error (400 and above) is `{"detail": "…"}`. Any other response is empty, or a text
   * without a content type. OpenAPI cannot express such a text, so it stands in `description`.
   */
  schema?: z.ZodType
  /** Default: application/json. */
  contentType?: string
  /** Another content type that the caller may ask for instead: a text. */
  alternative?: string
  /** Header → its meaning. */
  headers?: Record<string, string>
}

/**
 * A route's part of /openapi.json. The handler validates with the same schemas. `responses` are the route's own;
 * openapi.ts adds those that come with its role, its query and its body.
 */
export type RouteDoc = {
  summary: string
  query?: z.ZodObject
  params?: z.ZodObject
  headers?: z.ZodObject
  /** A body in JSON. */
  body?: z.ZodType
  /** A body that callers may send. Every route with a body has one. */
  example?: unknown
  /** Other content types that the body may have, each with an example. */
  alternatives?: Record<string, string>
  /** A body as forms send it. */
  form?: z.ZodObject
  /** How large that may be, if larger than what people type. */
  maxFormBytes?: number
  responses: Record<number, ResponseDoc>
}

/**
 * One row of the table of routes. `role` says who may call it. `anyone`: no credentials. `source`: a module, with the
 * token of a source. `feeder`: the same, or a program with a key of a source. `maybe-source`: with or without a token; the handler decides. `viewer`, `operator`: an API key or a
 * session of that role or a higher one. `viewer-or-source`: either. `person`: a page for whoever has signed in; others
 * are sent to sign in, and forms of somebody else’s pages are refused. `desk`: the same for operators only. `maybe-person`: a page for both. Credentials that are sent must be valid, unless the role is
 * `anyone` or `maybe-person`. With a session, and to pages, only pages of ours may send anything but GET.
 */
export type Route = { method: Method; path: string; doc: RouteDoc } & (
  | { role: 'anyone'; handle(request: RouteRequest): MaybeAsync<RouteResponse> }
  | { role: 'source' | 'feeder'; handle(request: RouteRequest, caller: Caller): MaybeAsync<RouteResponse> }
  | { role: 'maybe-source'; handle(request: RouteRequest, caller: Caller | null): MaybeAsync<RouteResponse> }
  | { role: 'viewer' | 'operator'; handle(request: RouteRequest, viewer: Viewer): MaybeAsync<RouteResponse> }
  | { role: 'viewer-or-source'; handle(request: RouteRequest, caller: Viewer | Caller): MaybeAsync<RouteResponse> }
  | { role: 'person' | 'desk'; handle(request: RouteRequest, viewer: Session): MaybeAsync<RouteResponse> }
  | {
      role: 'maybe-person'
      /** Forms of somebody else’s pages are refused, as those of `person` are. */
      isOwnForm?: true
      handle(request: RouteRequest, viewer: Session | null): MaybeAsync<RouteResponse>
    }
)

/**
 * Whether a 200 has a tag, so that whoever asks again need not receive the same: that of every read under /api/v1, and
 * of every feed. app.ts adds the tag, and openapi.ts describes it.
 */
export function isTagged({ method, path }: Pick<Route, 'method' | 'path'>): boolean {
  return method === 'get' && (answersProblemJson(path) || path.startsWith('/feeds/'))
}

/** Whether errors of this route are pages too, because people open it. */
export function answersPage({ path, role, doc }: Pick<Route, 'path' | 'role' | 'doc'>): boolean {
  if (path === '/docs') return false
  const isPage = Object.values(doc.responses).some(({ contentType }) => contentType === pageType)
  return isPage || role === 'person' || role === 'desk' || role === 'maybe-person'
}
