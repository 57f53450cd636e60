import type { IncomingHttpHeaders } from 'node:http'
import type { Answer } from './answer.ts'
import type { Caller } from './token.ts'

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

/**
 * One row of the table of routes. Who may call it is part of it: `anyone`; `source`: a module with the token of a source;
 * `maybe-source`: with or without one, the route itself says when it must be there. A token that is sent must be good.
 */
export type Route = { method: Method; path: string } & (
  | { role: 'anyone'; handle(request: RouteRequest): MaybeAsync<Answer> }
  | { role: 'source'; handle(request: RouteRequest, caller: Caller): MaybeAsync<Answer> }
  | { role: 'maybe-source'; handle(request: RouteRequest, caller: Caller | null): MaybeAsync<Answer> }
)
