import type { IncomingHttpHeaders } from 'node:http'
import type { z } from 'zod'
import type { ApiKey } from '../access/api-keys.ts'
import type { Caller } from '../access/token.ts'
import type { RouteResponse } from '../http/response.ts'

/** A request as routes see it. */
export type RouteRequest = {
  headers: IncomingHttpHeaders
  /** The last value of each name. */
  query: Record<string, string>
  params: Record<string, string>
  traceparent: string | undefined
  /** Receives the body. Nothing of it is received before. */
  readBody(): Promise<Buffer>
}

type Method = 'get' | 'post' | 'delete'
type MaybeAsync<T> = T | Promise<T>

/** What a status of a route means, and the body it comes with. */
export type ResponseDoc = {
  description: string
  /**
   * Of the body. Without one, a refusal (400 and above) is `{"detail": "…"}`, every other answer is empty, or a text
   * without a content type, which then stands in `description`: OpenAPI has no word for that.
   */
  schema?: z.ZodType
  /** application/json where nothing else is said. */
  contentType?: string
  /** What each header tells. */
  headers?: Record<string, string>
}

/**
 * What a route says of itself in /openapi.json. The schemas are the very ones it validates with; `answers` are those of
 * its own. What every route of its role, and every one with a query or a body, may answer besides is in openapi.ts.
 */
export type RouteDoc = {
  summary: string
  query?: z.ZodObject
  params?: z.ZodObject
  headers?: z.ZodObject
  body?: z.ZodType
  responses: Record<number, ResponseDoc>
}

/**
 * One row of the table of routes. Who may call it is part of it: `anyone`; `source`: a module with the token of a source;
 * `maybe-source`: with or without one, the route itself says when it must be there; `viewer`, `operator`: with an API key
 * of that role or a higher one; `viewer-or-source`: with either. Credentials that are sent must be good.
 */
export type Route = { method: Method; path: string; doc: RouteDoc } & (
  | { role: 'anyone'; handle(request: RouteRequest): MaybeAsync<RouteResponse> }
  | { role: 'source'; handle(request: RouteRequest, caller: Caller): MaybeAsync<RouteResponse> }
  | { role: 'maybe-source'; handle(request: RouteRequest, caller: Caller | null): MaybeAsync<RouteResponse> }
  | { role: 'viewer' | 'operator'; handle(request: RouteRequest, key: ApiKey): MaybeAsync<RouteResponse> }
  | { role: 'viewer-or-source'; handle(request: RouteRequest, caller: ApiKey | Caller): MaybeAsync<RouteResponse> }
)
