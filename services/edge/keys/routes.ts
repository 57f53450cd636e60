import { z } from 'zod'
import { RefusedError } from '#runtime/changes/apply-changes.ts'
import { roles } from '#runtime/changes/roles.ts'
import { dayMs } from '#runtime/text/time.ts'
import type { Database } from '#runtime/postgres/database.ts'
import type { Session } from '../access/sessions.ts'
import { id } from '../ask/parameters.ts'
import { orUnavailable } from '../ask/respond.ts'
import { actorOf } from '../changes/changes.ts'
import { goBack, goesBack } from '../console/changes.ts'
import { given } from '../console/news-query.ts'
import { html, type Html } from '../design/html.ts'
import { asPage, messagePage, showPage } from '../design/layout.ts'
import { sayOutcome } from '../design/parts.ts'
import { readZone } from '../design/zone.ts'
import type { Bounded } from '../http/deadline.ts'
import { readForm } from '../http/form.ts'
import type { RouteResponse } from '../http/response.ts'
import { lenient, text, validate } from '../http/validation.ts'
import type { Route, RouteDoc, RouteRequest } from '../server/route.ts'
import { keysMain, newKeyMain, path, revokeMain, type TypedKey } from './keys-page.ts'
import { createKey, readKeys, revokeKey } from './store.ts'

export type KeyDeps = { database: Database; bounded: Bounded }

/** Pages of the keys of the API. */
export function keyRoutes(deps: KeyDeps): Route[] {
  const one = `${path}/:key_id/revoke`
  return [
    { method: 'get', path, role: 'desk', doc: docs.list, handle: showKeys(deps) },
    { method: 'post', path, role: 'desk', doc: docs.create, handle: create(deps) },
    { method: 'get', path: one, role: 'desk', doc: docs.ask, handle: askToRevoke(deps) },
    { method: 'post', path: one, role: 'desk', doc: docs.revoke, handle: revoke(deps) },
  ]
}

const keyParams = z.object({ key_id: id })
const keysQuery = z.object({ done: z.enum(['revoked']).optional().describe('What was just done here.') })
const keyForm = z.object({
  name: text(20_000),
  role: z.enum(roles),
  source: z.union([z.literal('').transform(() => undefined), id]).optional(),
  days: z.union([z.literal('').transform(() => undefined), lenient(z.int32().min(1).max(36_500))]).optional(),
})
const page = asPage('The page.')
const unknown = { description: 'There is no such key.' }
const refused = { ...page, description: 'It was refused, with the reason.' }

const docs = {
  list: { summary: 'The keys of the API, without the keys themselves.', query: keysQuery, responses: { 200: page } },
  create: {
    summary: 'Makes a key, and shows it once.',
    form: keyForm,
    responses: { 201: { ...page, description: 'The key. It is never shown again.' }, 422: refused },
  },
  ask: {
    summary: 'Asks whether to revoke a key, and says what stops working.',
    params: keyParams,
    responses: { 200: page, 404: unknown },
  },
  revoke: {
    summary: 'Revokes a key for good.',
    params: keyParams,
    form: z.object({}),
    responses: { 303: goesBack, 404: unknown, 422: refused },
  },
} satisfies Record<string, RouteDoc>

type Shown = { typed?: TypedKey; said?: Html | null; status?: number }

async function listPage(
  { database, bounded }: KeyDeps,
  { headers }: RouteRequest,
  viewer: Session,
  { typed = {}, said = null, status = 200 }: Shown,
): Promise<RouteResponse> {
  const [keys, zone] = await Promise.all([
    orUnavailable(bounded(readKeys(database))),
    bounded(readZone(database, viewer, headers.cookie)),
  ])
  const main = keysMain({ keys, typed, said, zone })
  return showPage({ title: 'Keys', main, viewer, desk: 'keys', zone, width: 'wide', status })
}

function showKeys(deps: KeyDeps) {
  return (request: RouteRequest, viewer: Session): Promise<RouteResponse> => {
    const { done } = validate(keysQuery, given(request.query), 'query')
    const outcome = done === undefined ? null : sayOutcome('good', 'The key is revoked.')
    return listPage(deps, request, viewer, { said: outcome })
  }
}

function create(deps: KeyDeps) {
  return async (request: RouteRequest, viewer: Session): Promise<RouteResponse> => {
    const typed = await readForm(keyForm, request)
    const { name, role, source, days } = typed
    const may = source === undefined ? { role } : { source }
    const now = Date.now()
    const expiresAt = days === undefined ? null : now + days * dayMs
    try {
      const { key } = await deps.bounded(
        deps.database.transaction((tx) => createKey(tx, { name, ...may, expiresAt }, actorOf(viewer))),
      )
      return showPage({
        title: 'New key',
        main: newKeyMain({ name, key, isOfSource: source !== undefined }),
        viewer,
        desk: 'keys',
        status: 201,
      })
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error
      return listPage(deps, request, viewer, { typed, said: sayOutcome('bad', error.message), status: 422 })
    }
  }
}

function askToRevoke({ database, bounded }: KeyDeps) {
  return async (request: RouteRequest, viewer: Session): Promise<RouteResponse> => {
    const { key_id } = validate(keyParams, request.params, 'path')
    const [[key], zone] = await Promise.all([
      orUnavailable(bounded(readKeys(database, key_id))),
      bounded(readZone(database, viewer, request.headers.cookie)),
    ])
    if (key === undefined) return keyNotFound(viewer)
    if (key.state === 'revoked') return refusal(viewer, `Key ${key_id} is already revoked.`, 200)
    const isOwn = viewer.userId === null && viewer.name === key.name
    return showPage({ title: 'Revoke a key', main: revokeMain({ key, isOwn, zone }), viewer, desk: 'keys', zone })
  }
}

function revoke({ database, bounded }: KeyDeps) {
  return async (request: RouteRequest, viewer: Session): Promise<RouteResponse> => {
    const { key_id } = validate(keyParams, request.params, 'path')
    await readForm(z.object({}), request)
    if ((await orUnavailable(bounded(readKeys(database, key_id)))).length === 0) return keyNotFound(viewer)
    try {
      await bounded(database.transaction((tx) => revokeKey(tx, key_id, actorOf(viewer))))
      return goBack(`${path}?done=revoked`, null)
    } catch (error) {
      if (error instanceof RefusedError) return refusal(viewer, error.message, 422)
      throw error
    }
  }
}

function refusal(viewer: Session, message: string, status: number): RouteResponse {
  const main = html`${sayOutcome('bad', message)}
<p>Nothing was changed.</p>
<p><a class="button plain" href="${path}">Back to the keys</a></p>`
  return showPage({ title: 'This key stays as it is', main, viewer, desk: 'keys', status })
}

function keyNotFound(viewer: Session): RouteResponse {
  return messagePage(404, 'Key not found', 'There is no key with this number.', {
    viewer,
    next: { text: 'Show all keys', href: path },
  })
}
