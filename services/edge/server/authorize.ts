import type { Request, Response } from 'express'
import { type ApiRole, readApiKey } from '../access/api-key.ts'
import type { ApiKey, CheckApiKey } from '../access/api-keys.ts'
import type { Caller } from '../access/token.ts'
import { HttpError } from '../http/http-error.ts'
import type { RouteResponse } from '../http/response.ts'
import { addressOf, type Limits } from './limits.ts'
import type { Route, RouteRequest } from './route.ts'

export type AuthorizeDeps = {
  checkToken(header: string | undefined): Promise<Caller>
  checkApiKey: CheckApiKey
  limits: Limits
}

/**
 * Lets a request through to its route: resolves with the route's handler for the caller it comes from. Rejects with a
 * HttpError when its credentials are not those the route's role demands, or when there are too many like it.
 */
export async function authorize(
  route: Route,
  request: Request,
  response: Response,
  { checkToken, checkApiKey, limits }: AuthorizeDeps,
): Promise<(request: RouteRequest) => RouteResponse | Promise<RouteResponse>> {
  const { authorization } = request.headers
  switch (route.role) {
    case 'anyone':
      await countAnonymous()
      return route.handle
    case 'maybe-source': {
      if (!authorization) await countAnonymous()
      const caller = authorization ? await authorizeSource() : null
      return (asked) => route.handle(asked, caller)
    }
    case 'source': {
      const caller = await authorizeSource()
      return (asked) => route.handle(asked, caller)
    }
    case 'viewer':
    case 'operator': {
      const key = await authorizeKey(route.role)
      return (asked) => route.handle(asked, key)
    }
    case 'viewer-or-source': {
      const isToken = authorization && readApiKey(authorization) === null
      const caller = isToken ? await authorizeSource() : await authorizeKey('viewer')
      return (asked) => route.handle(asked, caller)
    }
  }

  function countAnonymous(): Promise<void> {
    return limits.anonymous.count(`${addressOf(request)} ${route.path}`, request, response)
  }

  async function authorizeSource(): Promise<Caller> {
    const caller = await checkToken(authorization).catch(countRejected)
    await limits.source.count(String(caller.sourceId), request, response)
    return caller
  }

  /** A key that is not remembered costs a look into Postgres, so nobody gets to try any number of them. */
  async function authorizeKey(role: ApiRole): Promise<ApiKey> {
    await limits.refused.check(addressOf(request))
    const key = await checkApiKey(authorization, role).catch(countRejected)
    await limits.apiKey.count(String(key.keyId), request, response)
    return key
  }

  /** Too many become 429. Good tokens pass all the same: a neighbour behind the same proxy must not cost a module its feeds. */
  async function countRejected(error: unknown): Promise<never> {
    if (error instanceof HttpError && error.status < 500)
      await limits.refused.count(addressOf(request), request, response)
    throw error
  }
}
