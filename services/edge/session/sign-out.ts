import { sessionCookie, writeCookie } from '../access/session-token.ts'
import type { Session } from '../access/sessions.ts'
import { redirect, type RouteResponse } from '../http/response.ts'
import type { RouteRequest } from '../server/route.ts'
import { signOutEverywherePage } from './pages.ts'
import type { SessionDeps } from './sign-in.ts'
import { countSessions, endAllSessions, endSession } from './store.ts'
import { paths } from './target.ts'

/** POST /console/sign-out: of this browser. */
export function signOut({ database, bounded }: SessionDeps) {
  return async ({ address }: RouteRequest, session: Session | null): Promise<RouteResponse> => {
    if (session) await bounded(endSession(database, session, { address }))
    return signedOut('signed-out')
  }
}

/** GET /console/sign-out-everywhere: asks. */
export function askSignOutEverywhere({ database, bounded }: SessionDeps) {
  return async (_: RouteRequest, session: Session): Promise<RouteResponse> =>
    signOutEverywherePage(session, await bounded(countSessions(database, session)))
}

/** POST to the same path: ends all sessions of the person or key. */
export function signOutEverywhere({ database, bounded }: SessionDeps) {
  return async ({ address }: RouteRequest, session: Session | null): Promise<RouteResponse> => {
    if (session === null) return redirect(paths.signIn)
    await bounded(endAllSessions(database, session, { address }))
    return signedOut('everywhere')
  }
}

function signedOut(done: 'signed-out' | 'everywhere'): RouteResponse {
  return redirect(`${paths.signIn}?done=${done}`, { 'set-cookie': writeCookie(sessionCookie, '', 0) })
}
