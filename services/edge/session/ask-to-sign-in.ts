import type { RouteResponse } from '../http/response.ts'
import type { RouteRequest } from '../server/route.ts'
import { readReferer, readTarget, withTarget } from './target.ts'

const signInPath = '/console/sign-in'

/**
 * The response of a page to whoever has not signed in, or whose session has ended: they sign in and come back. A form
 * that was sent has changed nothing, and they are told so.
 */
export function askToSignIn({ headers }: RouteRequest, method: string, url: string): RouteResponse {
  const location =
    method === 'GET'
      ? withTarget(signInPath, readTarget(url))
      : withTarget(signInPath, readReferer(headers.referer), { unsent: '' })
  return { status: 303, headers: { location, 'cache-control': 'no-store' }, body: null }
}
