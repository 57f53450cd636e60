import type { Request, Response } from 'express'
import { type ApiRole, readApiKey } from '../access/api-key.ts'
import type { ApiKey, CheckApiKey, IsKnownApiKey } from '../access/api-keys.ts'
import type { Caller } from '../access/token.ts'
import { HttpError } from '../http/http-error.ts'
import type { RouteResponse } from '../http/response.ts'
import { addressOf, type Limits } from './limits.ts'
import type { Route, RouteRequest } from './route.ts'

export type AuthorizeDeps = {
  checkToken(header: string | undefined): Promise<Caller>
  checkApiKey: CheckApiKey
  isKnownApiKey: IsKnownApiKey
  limits: Limits
}

/**
 * Checks the credentials that the role of the route needs, and the rate limits. Resolves with the route's handler,
 * bound to the caller. Rejects with an HttpError.
 */
export async function authorize(
  route: Route,
  request: Request,
  response: Response,
  { checkToken, checkApiKey, isKnownApiKey, limits }: AuthorizeDeps,
): Promise<(request: RouteRequest) => RouteResponse | Promise<RouteResponse>> {
  const { authorization } = request.headers
  switch (route.role) {
    case 'anyone':
      await countAnonymous()
      return route.handle
    case 'maybe-source': {
      if (!authorization) await countAnonymous()
      const caller = authorization ? await authorizeSource() : null
      return (routeRequest) => route.handle(routeRequest, caller)
    }
    case 'source': {
      const caller = await authorizeSource()
      return (routeRequest) => route.handle(routeRequest, caller)
    }
    case 'viewer':
    case 'operator': {
      const key = await authorizeKey(route.role)
      return (routeRequest) => route.handle(routeRequest, key)
    }
    case 'viewer-or-source': {
      const isToken = authorization && readApiKey(authorization) === null
      const caller = isToken ? await authorizeSource() : await authorizeKey('viewer')
      return (routeRequest) => route.handle(routeRequest, caller)
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

  /**
   * A strange key costs a query, so from an address that sent too many invalid credentials only keys that exist are
   * looked up: a proxy may share its address between a stranger and an operator.
   */
  async function authorizeKey(role: ApiRole): Promise<ApiKey> {
    await limits.refused.check(addressOf(request)).catch(async (tooMany: unknown) => {
      if (!(await isKnownApiKey(authorization))) throw tooMany
    })
    const key = await checkApiKey(authorization, role).catch(countRejected)
    await limits.apiKey.count(String(key.keyId), request, response)
    return key
  }

  /** Too many become 429. Valid tokens and keys still pass, because they may share the address with another client. */
  async function countRejected(error: unknown): Promise<never> {
    if (error instanceof HttpError && error.status < 500)
      await limits.refused.count(addressOf(request), request, response)
    throw error
  }
}
