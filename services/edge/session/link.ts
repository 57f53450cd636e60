import { z } from 'zod'
import { checkSignInLink } from '#runtime/web/signed-links.ts'
import { uuidSource } from '#schemas/field-checks.ts'
import { signedQuery } from '../access/signed-query.ts'
import { hashSessionToken, readCookie } from '../access/session-token.ts'
import type { Session } from '../access/sessions.ts'
import { invalidLinkPage } from '../design/layout.ts'
import { redirect, type RouteResponse } from '../http/response.ts'
import { validate } from '../http/validation.ts'
import type { RouteRequest } from '../server/route.ts'
import { deadLinkPage, linkPage } from './pages.ts'
import { askedCookie, type SessionDeps, signedIn } from './sign-in.ts'
import { readSignIn, redeemSignIn, type SignIn } from './sign-ins.ts'
import { startPage } from './target.ts'

export const linkParams = z.object({ sign_in_id: z.string().regex(new RegExp(`^${uuidSource}$`)) })

/** From `/console/sign-in/link/…`. */
const root = '../../../'

/** GET /console/sign-in/link/{sign_in_id}?signature=…: asks, and changes nothing. */
export function showLink(deps: SessionDeps) {
  return async (request: RouteRequest, viewer: Session | null): Promise<RouteResponse> => {
    const found = await findLink(deps, request)
    if (found === 'forged') return invalidLinkPage(root)
    if (found?.state !== 'good') return deadLink(deps, found, viewer)
    return linkPage(found.name, isOtherBrowser(found, request))
  }
}

/** POST to the same path: signs in, once. */
export function redeemLink(deps: SessionDeps) {
  const { database, bounded, countTry, noteFailure, days } = deps
  return async (request: RouteRequest, former: Session | null): Promise<RouteResponse> => {
    const found = await findLink(deps, request)
    const { address } = request
    if (found === 'forged') {
      await countTry(address)
      noteFailure({ reason: 'link not signed by us', address })
      return invalidLinkPage(root)
    }
    const token = found && (await bounded(redeemSignIn(database, idOf(request), days, { address, former })))
    if (token) return signedIn(token, days, found.path)
    await countTry(address)
    noteFailure({ reason: 'link used or expired', address, userId: found?.user_id ?? null })
    return deadLink(deps, found && (await bounded(readSignIn(database, idOf(request)))), former)
  }
}

const idOf = ({ params }: RouteRequest) => validate(linkParams, params, 'path').sign_in_id

async function findLink(deps: SessionDeps, request: RouteRequest): Promise<SignIn | 'forged' | null> {
  const id = idOf(request)
  const signed = validate(signedQuery, request.query, 'query')
  if (deps.linkSecret === undefined || checkSignInLink(deps.linkSecret, id, signed) !== 'good') return 'forged'
  return deps.bounded(readSignIn(deps.database, id))
}

/** The page of a link that works no more. Who is in already, as after a second click on the button, goes on. */
function deadLink({ minutes }: SessionDeps, found: SignIn | null, viewer: Session | null): RouteResponse {
  if (found && viewer?.userId === found.user_id) return redirect(found.path)
  return deadLinkPage(found?.state === 'used' ? 'used' : 'expired', found?.path ?? startPage, minutes)
}

function isOtherBrowser({ browser }: SignIn, { headers }: RouteRequest): boolean {
  if (browser === null) return false
  const asked = readCookie(headers.cookie, askedCookie)
  return asked === null || hashSessionToken(asked).toString('hex') !== browser
}
