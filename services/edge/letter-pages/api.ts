import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import type { Limited } from '#runtime/calls/limit-work.ts'
import type { Database } from '#runtime/postgres/database.ts'
import type { Viewer } from '../access/viewer.ts'
import { paging } from '../ask/parameters.ts'
import { answerPage, orUnavailable, pageDocs } from '../ask/respond.ts'
import { actorOf } from '../changes/changes.ts'
import type { Bounded } from '../http/deadline.ts'
import { HttpError } from '../http/http-error.ts'
import { json, type RouteResponse } from '../http/response.ts'
import { invalidValue, text, validate, validateBody } from '../http/validation.ts'
import { letterFilter, letterStates } from '../letters/filter.ts'
import type { Letters } from '../letters/open-letters.ts'
import { letterSchema, listLetters } from '../letters/read-letters.ts'
import { beginReplay, readRedrive, redriveSchema, replayPerSecond } from '../letters/redrive.ts'
import { idOf } from '../publish/identify.ts'
import type { Route, RouteRequest } from '../server/route.ts'

const listPath = '/api/v1/dead-letters'
const listQuery = letterFilter.extend({ state: z.enum(letterStates).default('open'), ...paging })
const replayBody = z.strictObject({
  // A name that is written wrong must not mean all.
  filter: z
    .strictObject({ ...letterFilter.shape, source: z.int32().min(1).optional() })
    .describe('An empty one means all that are open.'),
  reason: text(500).optional(),
})
const keyHeader = z.object({
  'idempotency-key': z.string().min(1).max(255).describe('Sent again with the same key, it is the same replay.'),
})
const replayParams = z.object({ replay_id: z.guid() })

type ApiDeps = { database: Database; bounded: Bounded; limited: Limited; letters: Letters; maxJsonDepth: number }

/** Dead letters for programs: the functions of the pages. */
export function lettersApi(deps: ApiDeps): Route[] {
  const unknown = { 404: { description: 'There is no replay with this id.' } }
  return [
    {
      ...{ method: 'get', path: listPath, role: 'operator' },
      doc: {
        summary: 'Lists dead letters, those that failed last first.',
        query: listQuery,
        responses: pageDocs('A page.', z.object({ letters: z.array(letterSchema), next: z.string().nullable() })),
      },
      handle: list(deps),
    },
    {
      ...{ method: 'post', path: `${listPath}/replays`, role: 'operator' },
      doc: {
        summary: 'Replays all open dead letters that fit, each once, to the services that could not process them.',
        headers: keyHeader,
        body: replayBody,
        example: { filter: { service: 'normalizer', reason: 'undecodable' }, reason: 'the schema is there now' },
        responses: {
          202: { description: 'Begun.', schema: redriveSchema, headers: { location: 'Where it says how far it is.' } },
        },
      },
      handle: replay(deps),
    },
    {
      ...{ method: 'get', path: `${listPath}/replays/:replay_id`, role: 'operator' },
      doc: {
        summary: 'How far a replay of dead letters is.',
        params: replayParams,
        responses: { 200: { description: 'The replay.', schema: redriveSchema }, ...unknown },
      },
      handle: read(deps),
    },
  ]
}

function list({ database, bounded, limited, letters: loops }: ApiDeps) {
  return async (request: RouteRequest): Promise<RouteResponse> => {
    const { state, cursor, limit, ...filter } = validate(listQuery, request.query, 'query')
    loops.refresh()
    const asked = { route: listPath, parameters: { ...filter, state } }
    const page = await orUnavailable(
      bounded(limited(() => listLetters(database, asked, { filter, state, limit, cursor }))),
    )
    return answerPage(request, listPath, page, null)
  }
}

function replay({ database, bounded, letters, maxJsonDepth }: ApiDeps) {
  return async (request: RouteRequest, viewer: Viewer): Promise<RouteResponse> => {
    const { 'idempotency-key': key } = validate(keyHeader, request.headers, 'header')
    const { filter, reason } = validateBody(
      replayBody,
      await request.readBody(),
      request.headers['content-type'],
      maxJsonDepth,
    )
    const { name: actor } = actorOf(viewer)
    const id = idOf('redrive', actor, key)
    const asked = { id, filter, actor, reason, perSecond: replayPerSecond, lease: null }
    await bounded(beginReplay(database, asked))
    const begun = await bounded(readRedrive(database, id))
    if (begun !== null && !isDeepStrictEqual(begun.filter, filter))
      throw invalidValue(['header', 'idempotency-key'], 'this key was already used for another replay', key)
    letters.work()
    return json(202, begun, { location: `${listPath}/replays/${id}` })
  }
}

function read({ database, bounded }: ApiDeps) {
  return async (request: RouteRequest): Promise<RouteResponse> => {
    const { replay_id } = validate(replayParams, request.params, 'path')
    const found = await bounded(readRedrive(database, replay_id.toLowerCase()))
    if (found === null) throw new HttpError(404, 'There is no replay with this id.')
    return json(200, found)
  }
}
