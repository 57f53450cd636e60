import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { KindName, PayloadInput } from '#runtime/changes/kinds.ts'
import type { Session } from '../access/sessions.ts'
import { actorOf, type Changes, TakenKeyError } from '../changes/changes.ts'
import type { Html } from '../design/html.ts'
import { sayOutcome, saidAnchor } from '../design/parts.ts'
import { readFormKey } from '../http/form.ts'
import { HttpError } from '../http/http-error.ts'
import { redirect, type RouteResponse } from '../http/response.ts'
import type { RouteRequest } from '../server/route.ts'
import { readTarget } from '../session/target.ts'

/** What a form of the console answers, in its route's documentation. */
export const goesBack = {
  description: 'Done, or not: the page that it leads to says so.',
  headers: { location: 'The page.' },
}
export const notThere = { description: 'It does not exist, or the person may not see it.' }

/** How long a page waits for the owner of the rows. It is usually done in a tenth of that. */
const patienceMs = 3000

/** The id of the person who has signed in. Throws an HttpError with 403 for an API key: it follows nothing. */
export function personOf({ userId }: Session): number {
  if (userId !== null) return userId
  throw new HttpError(403, 'You signed in with an API key, which follows nothing. Sign in as a person.')
}

/** What was typed is not what its change takes. The message says why to whoever typed it. */
export class UnfitError extends HttpError {
  constructor({ issues }: z.ZodError) {
    super(422, issues.map(({ path, message }) => [path.join(' '), message].filter(Boolean).join(': ')).join('. '))
    this.name = 'UnfitError'
  }
}

/**
 * Asks for a change of what is the person’s own, and waits until it is made or refused. Resolves with its id, with which
 * the page that the person comes back to says what became of it. `key` is of the form: sent twice, it takes effect once.
 * Without one that is so for a form that the page of an error sends again. Rejects with an UnfitError when the change does
 * not take the payload.
 */
export async function askFor<K extends KindName>(
  { sendChange, waitForOutcome }: Changes,
  session: Session,
  kind: K,
  payload: PayloadInput<K>,
  request: RouteRequest,
  key?: string,
): Promise<string> {
  const { traceparent } = request
  const send = (idempotencyKey: string) => sendChange(actorOf(session), kind, payload, { idempotencyKey, traceparent })
  // Who goes back and sends the same form with other choices means another change.
  const id = await send(key ?? (await readFormKey(request))).catch((error: unknown) => {
    if (error instanceof TakenKeyError) return send(randomUUID())
    throw error instanceof z.ZodError ? new UnfitError(error) : error
  })
  await waitForOutcome(id, patienceMs)
  return id
}

/**
 * Leads back to a page of the console with what became of a change, and gives the focus to the element `anchor`: by
 * default to the sentence that says so.
 */
export function goBack(back: string | undefined, change: string | null, anchor: string = saidAnchor): RouteResponse {
  const url = new URL(readTarget(back), 'https://here.invalid')
  if (change !== null) url.searchParams.set('change', change)
  return redirect(`${url.pathname}${url.search}#${anchor}`)
}

/** What became of the change that the page’s address names; null: it names none of this viewer. */
export async function readNotice(
  { waitForOutcome }: Changes,
  session: Session,
  change: string | undefined,
): Promise<Html | null> {
  if (change === undefined) return null
  const outcome = await waitForOutcome(change, 0)
  if (outcome === null) return sayOutcome('good', 'This takes a moment. Reload the page to see the change.')
  if (outcome.actor !== actorOf(session).name) return null
  return sayOutcome(outcome.state === 'done' ? 'good' : 'bad', outcome.message)
}
