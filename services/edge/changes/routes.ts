import { z } from 'zod'
import { findForbidden } from '#runtime/changes/allowed.ts'
import { kindNames, kindOf } from '#runtime/changes/kinds.ts'
import { includesRole, personOf } from '#runtime/changes/roles.ts'
import type { Database } from '#runtime/postgres/database.ts'
import type { Viewer } from '../access/viewer.ts'
import type { Bounded } from '../http/deadline.ts'
import { HttpError } from '../http/http-error.ts'
import { json, type RouteResponse } from '../http/response.ts'
import { invalidValue, lenientInt, text, validate, validateBody } from '../http/validation.ts'
import type { Route, RouteRequest } from '../server/route.ts'
import { actorOf, type Changes, TakenKeyError } from './changes.ts'
import { personDetail, readPerson } from './person.ts'

export type ChangeDeps = { changes: Changes; database: Database; bounded: Bounded; maxJsonDepth: number }

const path = '/api/v1/changes'

/** Those that a caller may ask for. */
const offered = kindNames.filter((name) => !kindOf(name).isInternal)

const shared = {
  reason: text(500).optional().describe('Why, for the audit log.'),
  idempotency_key: text(200)
    .min(1)
    .optional()
    .describe('The same key again is the same change: it has the same id and takes effect once.'),
}
const changeBody = z.object({ kind: z.enum(offered), payload: z.looseObject({}), ...shared })

/** The same in full, for /openapi.json. */
const documentedBody = z.union(
  offered.map((name) => z.object({ kind: z.literal(name), payload: kindOf(name).payload, ...shared })),
)

const changeParams = z.object({ change_id: z.uuid() })
const personParams = z.object({ person_id: lenientInt })
const accepted = z.object({ change_id: z.uuid() })
const outcome = z.object({
  change_id: z.uuid(),
  kind: z.string(),
  actor: z.string().describe('Who asked, such as `key:deploy` or `person:17`.'),
  state: z.enum(['done', 'refused']),
  message: z.string().describe('What was done, or why it was refused.'),
  at: z.iso.datetime(),
})

/** The routes that change what other services own. */
export function changeRoutes(deps: ChangeDeps): Route[] {
  return [
    {
      ...{ method: 'post', path, role: 'viewer' },
      doc: {
        summary:
          'Ask for a change: what a person follows, mutes, quiet hours, digests, polarity. Its owner makes it once.',
        body: documentedBody,
        example: { kind: 'notifier.follow.add', payload: { person: 17, company: 42 }, reason: 'Asked by mail.' },
        responses: {
          202: {
            description: 'The request is durable. GET /api/v1/changes/{change_id} shows what became of it.',
            schema: accepted,
          },
          403: { description: 'The caller may not ask for this change, such as one of what is another person’s.' },
          503: { description: 'The message broker does not confirm the request. Try again.' },
        },
      },
      handle: askForChange(deps),
    },
    {
      ...{ method: 'get', path: `${path}/:change_id`, role: 'viewer' },
      doc: {
        summary: 'What became of a change.',
        params: changeParams,
        responses: {
          200: { description: 'It was made or refused.', schema: outcome },
          404: { description: 'No such change was made or refused yet. It usually takes less than a second.' },
        },
      },
      handle: readChange(deps),
    },
    {
      ...{ method: 'get', path: '/api/v1/people/:person_id', role: 'viewer' },
      doc: {
        summary: 'What a person follows, mutes and has set.',
        params: personParams,
        responses: {
          200: { description: 'The person.', schema: personDetail },
          404: { description: 'No person with this id is known.' },
        },
      },
      handle: showPerson(deps),
    },
  ]
}

/** Operators see what all have changed and set, people what is their own. */
function maySee({ userId, role }: Viewer, person: number | null): boolean {
  return includesRole(role, 'operator') || (userId !== null && userId === person)
}

function askForChange({ changes, maxJsonDepth }: ChangeDeps) {
  return async (request: RouteRequest, viewer: Viewer): Promise<RouteResponse> => {
    const body = await request.readBody()
    const {
      kind,
      payload,
      reason,
      idempotency_key: idempotencyKey,
    } = validateBody(changeBody, body, request.headers['content-type'], maxJsonDepth)
    validate(z.object({ payload: kindOf(kind).payload }), { payload }, 'body')
    const actor = actorOf(viewer)
    const forbidden = findForbidden(actor, kind, payload)
    if (forbidden !== null) throw new HttpError(403, forbidden)
    const { traceparent } = request
    const change_id = await changes
      .sendChange(actor, kind, payload as never, { reason, idempotencyKey, traceparent })
      .catch((error: unknown) => {
        if (!(error instanceof TakenKeyError)) throw error
        throw invalidValue(['body', 'idempotency_key'], error.message, idempotencyKey)
      })
    return json(202, { change_id })
  }
}

function readChange({ changes }: ChangeDeps) {
  return async ({ params }: RouteRequest, viewer: Viewer): Promise<RouteResponse> => {
    const { change_id } = validate(changeParams, params, 'path')
    const found = await changes.waitForOutcome(change_id, 0)
    if (found === null || !maySee(viewer, personOf({ name: found.actor })))
      throw new HttpError(
        404,
        'No change with this id was made or refused yet.',
        {},
        {
          type: 'unknown-change',
          title: 'Change not found',
          remedy: 'Ask again in a second. If it stays unknown, see whether its owner runs: `parma status`.',
        },
      )
    const { content_hash: _, at, ...shown } = found
    return json(200, { ...shown, at: new Date(at).toISOString() })
  }
}

function showPerson({ database, bounded }: ChangeDeps) {
  return async ({ params }: RouteRequest, viewer: Viewer): Promise<RouteResponse> => {
    const { person_id } = validate(personParams, params, 'path')
    const found = maySee(viewer, person_id) ? await bounded(readPerson(database, person_id)) : null
    if (found === null)
      throw new HttpError(
        404,
        'No person with this id is known.',
        {},
        { type: 'unknown-person', title: 'Person not found', remedy: '`parma people ls` lists all people.' },
      )
    return json(200, found, { 'cache-control': 'private, no-store' })
  }
}
