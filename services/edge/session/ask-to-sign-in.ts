import { formKeyField, formTokenField, readFields, readFormKey, type SentForm } from '../http/form.ts'
import type { Session } from '../access/sessions.ts'
import { redirect, type RouteResponse } from '../http/response.ts'
import type { RouteRequest } from '../server/route.ts'
import { foreignFormPage, unsentPage } from './pages.ts'
import { paths, readReferer, readTarget, withTarget } from './target.ts'

/** A form with more would not fit on the page that keeps it. */
const maxKept = 200

/**
 * The response of the page at `url` to whoever has not signed in, or whose session has ended: they sign in and come back.
 * A form that was sent has changed nothing: they are told so, and its fields are kept.
 */
export async function askToSignIn(request: RouteRequest, method: string, url: string): Promise<RouteResponse> {
  if (method === 'GET') return redirect(withTarget(paths.signIn, readTarget(url)))
  const fields = await readFields(request).catch(() => new URLSearchParams())
  const kept = fields.size <= maxKept ? [...fields] : []
  return unsentPage(readReferer(request.headers.referer), readTarget(url), kept)
}

/**
 * The response to a form that the page of somebody else has sent, who was signed in in this browser before. It has changed
 * nothing. Its fields are kept, for whoever is signed in now to send them as themselves.
 */
export async function refuseForm(request: RouteRequest, session: Session, url: string): Promise<RouteResponse> {
  const fields = await readFields(request).catch(() => new URLSearchParams())
  fields.delete(formTokenField)
  // What My page showed was of somebody else. Elsewhere a revision is of what all see.
  if (url.startsWith('/console/me/')) fields.delete('revision')
  const kept = fields.size <= maxKept ? [...fields] : []
  return foreignFormPage(session, readReferer(request.headers.referer), readTarget(url), kept)
}

/**
 * A form of the console that was sent to `url`, as it was sent. With the key of its request it takes effect once, however
 * often it is sent. Null: there is nothing of it that can be sent again.
 */
export async function keepForm(request: RouteRequest, url: string): Promise<SentForm | null> {
  if (readTarget(url) !== url) return null
  const fields = await readFields(request).catch(() => null)
  if (fields === null || fields.size > maxKept) return null
  fields.set(formKeyField, await readFormKey(request))
  return { page: readReferer(request.headers.referer), action: url, fields: [...fields] }
}
