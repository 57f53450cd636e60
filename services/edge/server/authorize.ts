import type { Request, Response } from 'express'
import { includesRole, type Role } from '#runtime/changes/roles.ts'
import { readApiKey, readSourceKey } from '../access/api-key.ts'
import type { ApiKey, CheckApiKey, CheckSourceKey, IsKnownApiKey } from '../access/api-keys.ts'
import { isSameOrigin } from '../access/same-origin.ts'
import { readSessionToken } from '../access/session-token.ts'
import type { Session, Sessions } from '../access/sessions.ts'
import type { Caller } from '../access/token.ts'
import type { Viewer } from '../access/viewer.ts'
import { formTokenField, readFields } from '../http/form.ts'
import { HttpError } from '../http/http-error.ts'
import type { RouteResponse } from '../http/response.ts'
import { addressOf, type Limits } from './limits.ts'
import type { Route, RouteRequest } from './route.ts'

export type AuthorizeDeps = {
  checkToken(header: string | undefined): Promise<Caller>
  checkApiKey: CheckApiKey
  checkSourceKey: CheckSourceKey
  isKnownApiKey: IsKnownApiKey
  sessions: Sessions
  /** The response of the page at `url` to whoever has not signed in. */
  askToSignIn(request: RouteRequest, method: string, url: string): RouteResponse | Promise<RouteResponse>
  /** The response to a form that somebody else's page has sent. */
  refuseForm(request: RouteRequest, session: Session, url: string): RouteResponse | Promise<RouteResponse>
  /** Where people reach the edge, if that is known. */
  publicUrl: string | undefined
  limits: Limits
}

type Handle = (request: RouteRequest) => RouteResponse | Promise<RouteResponse>
type Call = { request: Request; response: Response; path: string; deps: AuthorizeDeps }

/**
 * Checks the credentials that the role of the route needs, and the rate limits. Resolves with the route's handler,
 * bound to the caller. Rejects with an HttpError.
 */
export async function authorize(
  route: Route,
  request: Request,
  response: Response,
  deps: AuthorizeDeps,
): Promise<Handle> {
  const call: Call = { request, response, path: route.path, deps }
  const { authorization } = request.headers
  switch (route.role) {
    case 'anyone':
      await countAnonymous(call)
      return route.handle
    case 'maybe-source': {
      if (!authorization) await countAnonymous(call)
      const caller = authorization ? await checkSource(call) : null
      return (routeRequest) => route.handle(routeRequest, caller)
    }
    case 'source': {
      const caller = await checkSource(call)
      return (routeRequest) => route.handle(routeRequest, caller)
    }
    case 'feeder': {
      const key = authorization ? readSourceKey(authorization) : null
      const caller = key === null ? await checkSource(call) : await checkFeeder(call, key)
      return (routeRequest) => route.handle(routeRequest, caller)
    }
    case 'viewer':
    case 'operator': {
      const viewer = await checkViewer(call, route.role)
      return (routeRequest) => route.handle(routeRequest, viewer)
    }
    case 'viewer-or-source': {
      const isToken = authorization && readApiKey(authorization) === null
      const caller = isToken ? await checkSource(call) : await checkViewer(call, 'viewer')
      return (routeRequest) => route.handle(routeRequest, caller)
    }
    case 'person':
    case 'desk': {
      const session = await checkPage(call)
      if (session && route.role === 'desk' && !includesRole(session.role, 'operator')) throw notForViewers(session)
      const { maxFormBytes } = route.doc
      if (session) return ofOwnForm(call, session, (routeRequest) => route.handle(routeRequest, session), maxFormBytes)
      return (routeRequest) => deps.askToSignIn(routeRequest, request.method, request.originalUrl)
    }
    case 'maybe-person': {
      const session = await checkPage(call)
      const handle: Handle = (routeRequest) => route.handle(routeRequest, session)
      return session && route.isOwnForm ? ofOwnForm(call, session, handle) : handle
    }
  }
}

/** The handler, which gets no form of a page that was made for somebody else. */
function ofOwnForm({ request, deps }: Call, session: Session, handle: Handle, maxBytes?: number): Handle {
  if (request.method === 'GET') return handle
  return async (routeRequest) =>
    (await deps.sessions.ownsForm(session, await readFormField(routeRequest, maxBytes)))
      ? handle(routeRequest)
      : deps.refuseForm(routeRequest, session, request.originalUrl)
}

/** The form token of a form; null: it has none, or the body is no form. */
async function readFormField(request: RouteRequest, maxBytes?: number): Promise<string | null> {
  const fields = await readFields(request, maxBytes).catch((error: unknown) => {
    if (error instanceof HttpError && error.status === 415) return null
    throw error
  })
  return fields?.get(formTokenField) ?? null
}

function countAnonymous({ request, response, path, deps }: Call): Promise<void> {
  return deps.limits.anonymous.count(`${addressOf(request)} ${path}`, request, response)
}

async function checkSource(call: Call): Promise<Caller> {
  const { request, response, deps } = call
  const caller = await deps.checkToken(request.headers.authorization).catch(countRejected(call))
  await deps.limits.source.count(String(caller.sourceId), request, response)
  return caller
}

/** Who has signed in, for the page of an error; absent: nobody, or it is not known. */
const signedIn = 'signedIn'
export const signedInOf = ({ locals }: Response) => (locals[signedIn] as Session | null | undefined) ?? null

/** Finds out who has signed in, for the page of an error; whatever keeps that from being found out costs nothing else. */
export async function noteViewer(request: Request, response: Response, deps: AuthorizeDeps): Promise<void> {
  await findSession({ request, response, path: '', deps }).catch(() => null)
}

/** A key goes before a session: whoever sends one means it. */
async function checkViewer(call: Call, role: Role): Promise<Viewer> {
  const { authorization, cookie } = call.request.headers
  if (authorization || readSessionToken(cookie) === null) {
    const { name, role: held } = await checkKey(call, role)
    return { userId: null, role: held, name }
  }
  requireOwnPage(call)
  const session = await findSession(call)
  if (session === null) throw new HttpError(401, 'The session has ended.', {}, { remedy: signInAgain })
  if (includesRole(session.role, role)) return session
  throw new HttpError(403, `This route needs the role ${role}. "${session.name}" has the role ${session.role}.`)
}

function notForViewers({ name, role }: Session): HttpError {
  const remedy = 'Ask an administrator for the role, or sign in with an API key that has it.'
  return new HttpError(403, `The desk is for operators. "${name}" has the role ${role}.`, {}, { remedy })
}

const signInAgain = 'Sign in at /console/sign-in, or send an API key as `Authorization: Bearer parma_…`.'

/**
 * A strange key costs a query, so from an address that sent too many invalid credentials only keys that exist are
 * looked up: a proxy may share its address between a stranger and an operator.
 */
async function checkKey(call: Call, role: Role): Promise<ApiKey> {
  const { request, response, deps } = call
  const { authorization } = request.headers
  await holdStrangers(call)
  const key = await deps.checkApiKey(authorization, role).catch(countRejected(call))
  await deps.limits.apiKey.count(String(key.keyId), request, response)
  return key
}

/** A key that sends payloads of one source counts as the source does. */
async function checkFeeder(call: Call, key: string): Promise<Caller> {
  const { request, response, deps } = call
  await holdStrangers(call)
  const caller = await deps.checkSourceKey(key).catch(countRejected(call))
  await deps.limits.source.count(String(caller.sourceId), request, response)
  return caller
}

async function holdStrangers({ request, deps }: Call): Promise<void> {
  await deps.limits.refused.check(addressOf(request)).catch(async (tooMany: unknown) => {
    if (!(await deps.isKnownApiKey(request.headers.authorization))) throw tooMany
  })
}

async function checkPage(call: Call): Promise<Session | null> {
  requireOwnPage(call)
  const session = await findSession(call)
  if (session === null) await countAnonymous(call)
  return session
}

/** Browsers send a cookie with every request to its host, whichever page has made the request. */
function requireOwnPage({ request, deps }: Call): void {
  if (request.method === 'GET' || isSameOrigin(request.headers, deps.publicUrl)) return
  throw new HttpError(403, 'The request does not come from a page of parma-analytics.', {}, foreignOrigin)
}

const foreignOrigin = {
  type: 'foreign-origin',
  remedy: 'Open the page at its own address and send the form from there. Programs use an API key.',
}

/** The same of sessions as of keys: then only those are looked up that were found before. */
async function findSession({ request, response, deps: { sessions, limits } }: Call): Promise<Session | null> {
  const { cookie } = request.headers
  if (readSessionToken(cookie) === null) return null
  if (!sessions.hasSeen(cookie)) await limits.refused.check(addressOf(request))
  const session = await sessions.find(cookie)
  response.locals[signedIn] = session
  if (session) await limits.session.count(session.sessionId, request, response)
  else await limits.refused.count(addressOf(request), request, response)
  return session
}

/** Too many become 429. Valid tokens and keys still pass, because they may share the address with another client. */
function countRejected({ request, response, deps }: Call): (error: unknown) => Promise<never> {
  return async (error) => {
    if (error instanceof HttpError && error.status < 500)
      await deps.limits.refused.count(addressOf(request), request, response)
    throw error
  }
}
