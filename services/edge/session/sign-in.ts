import { z } from 'zod'
import type { Database } from '#runtime/postgres/database.ts'
import type { CheckApiKey } from '../access/api-keys.ts'
import type { Bounded } from '../http/deadline.ts'
import { HttpError } from '../http/http-error.ts'
import { readForm } from '../http/form.ts'
import { redirect, type RouteResponse } from '../http/response.ts'
import { text, validate } from '../http/validation.ts'
import { makeSessionToken, sessionCookie, writeCookie } from '../access/session-token.ts'
import type { Session } from '../access/sessions.ts'
import type { RouteRequest } from '../server/route.ts'
import type { NoteFailure } from './failures.ts'
import { noCookiePage, sentPage, signInPage } from './pages.ts'
import type { SendLink } from './send-link.ts'
import { startSession } from './store.ts'
import { paths, readTarget, withTarget } from './target.ts'

/** What pages of signing in need. */
export type SessionDeps = {
  database: Database
  bounded: Bounded
  checkApiKey: CheckApiKey
  /** Signs links; undefined: nobody signs in with one. */
  linkSecret: string | undefined
  /** Sends a link by e-mail; null: that is not set up. */
  sendLink: SendLink | null
  /**
   * Counts a link that is asked for or a try that failed from a network address, and a link for an e-mail address. Rejects
   * with an HttpError with 429. Whoever has a good link or key passes.
   */
  countTry(address: string): Promise<void>
  countMail(mailAddress: string): Promise<void>
  noteFailure: NoteFailure
  /** SESSION_DAYS */
  days: number
  /** SIGN_IN_MINUTES */
  minutes: number
}

/** Of the browser that asks for a link, until the link has expired. */
export const askedCookie = '__Host-parma-asked'

const daySeconds = 86_400
const to = text(4000).optional().describe('The page to go to afterwards: a path that begins with /console.')

export const signInQuery = z.object({ to, done: text(20).optional().describe('What happened before.') })
export const mailForm = z.object({ email: text(1000).describe('Where the person gets e-mails.'), to })
export const keyForm = z.object({ key: text(1000).describe('An API key.'), to })

const said: Record<string, string> = {
  'signed-out': 'You have signed out.',
  everywhere: 'You have signed out everywhere.',
}

/** GET /console/sign-in */
export function showSignIn(deps: SessionDeps) {
  return ({ query }: RouteRequest, viewer: Session | null): RouteResponse => {
    const { to, done } = validate(signInQuery, query, 'query')
    const text = viewer === null && done !== undefined && Object.hasOwn(said, done) ? said[done] : undefined
    return pageOf(deps, readTarget(to), viewer, text === undefined ? {} : { said: { kind: 'good', text } })
  }
}

/** POST /console/sign-in. The answer is the same, and comes as fast, whether the address is known or not. */
export function askForLink(deps: SessionDeps) {
  const { sendLink, countTry, countMail, minutes } = deps
  return async (request: RouteRequest, viewer: Session | null): Promise<RouteResponse> => {
    const { email, to } = await readForm(mailForm, request)
    const target = readTarget(to)
    const mailAddress = email.trim()
    if (!/^[^\s@]+@[^\s@]+$/.test(mailAddress) || mailAddress.length > 254)
      return pageOf(deps, target, viewer, {
        said: { kind: 'bad', text: 'This is no e-mail address. It looks like name@company.com.' },
        status: 422,
      })
    if (sendLink === null) return pageOf(deps, target, viewer, { status: 404 })
    await countTry(request.address)
    await countMail(mailAddress.toLowerCase())
    const { token, hash } = makeSessionToken()
    sendLink({ mailAddress, path: target, browser: hash, address: request.address })
    return redirect(withTarget(paths.sent, target), { 'set-cookie': writeCookie(askedCookie, token, minutes * 60) })
  }
}

/** GET /console/sign-in/sent */
export function showSent({ minutes }: SessionDeps) {
  return ({ query }: RouteRequest): RouteResponse =>
    sentPage(readTarget(validate(signInQuery, query, 'query').to), minutes)
}

/** POST /console/sign-in/key */
export function signInWithKey(deps: SessionDeps) {
  const { database, bounded, checkApiKey, countTry, noteFailure, days } = deps
  return async (request: RouteRequest, former: Session | null): Promise<RouteResponse> => {
    const { key, to } = await readForm(keyForm, request)
    const target = readTarget(to)
    const found = await checkApiKey(`Bearer ${key.trim()}`, 'viewer').catch((error: unknown) => {
      if (error instanceof HttpError && error.status < 500) return null
      throw error
    })
    if (found === null) {
      await countTry(request.address)
      noteFailure({ reason: 'no valid API key', address: request.address })
      const text = 'This API key does not work. It is misspelled, has expired or was revoked.'
      return pageOf(deps, target, former, { said: { kind: 'bad', text }, status: 401 })
    }
    const { keyId, name } = found
    const from = { address: request.address, by: 'key', former } as const
    const token = await bounded(
      database.transaction((tx) => startSession(tx, { userId: null, keyId, name }, days, from)),
    )
    return signedIn(token, days, target)
  }
}

/** GET /console/sign-in/done: the way to the page that was asked for, unless the browser keeps no cookies. */
export function checkSignedIn({ query }: RouteRequest, viewer: Session | null): RouteResponse {
  const target = readTarget(validate(signInQuery, query, 'query').to)
  return viewer === null ? noCookiePage(target) : redirect(target)
}

/** The response to whoever has just signed in. */
export function signedIn(token: string, days: number, target: string): RouteResponse {
  return redirect(withTarget(paths.done, target), {
    'set-cookie': writeCookie(sessionCookie, token, days * daySeconds),
  })
}

type Shown = Pick<Parameters<typeof signInPage>[0], 'said' | 'status'>

function pageOf({ sendLink, minutes }: SessionDeps, target: string, viewer: Session | null, shown: Shown) {
  return signInPage({ target, hasMail: sendLink !== null, minutes, viewer, ...shown })
}
