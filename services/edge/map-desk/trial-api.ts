import { z } from 'zod'
import type { Viewer } from '../access/viewer.ts'
import { actorOf } from '../changes/changes.ts'
import { HttpError } from '../http/http-error.ts'
import { json, type RouteResponse } from '../http/response.ts'
import { validate, validateBody } from '../http/validation.ts'
import { readMapOf, readSourceName } from '../maps/change-map.ts'
import type { Route, RouteRequest } from '../server/route.ts'
import { keepDraft, listDrafts } from './drafts.ts'
import { givenMap, numberOfMap, sourceParams, textOfMap, trialParams } from './forms.ts'
import { type MapDeskDeps, toMapError } from './map-deps.ts'
import { readTrial, trialSchema } from './read-trials.ts'

const path = '/api/v1/sources/:source_id/maps/trials'

const trialBody = z.object({
  map: givenMap.optional().describe('A map or a module’s answer to /initialize.'),
  version: numberOfMap.optional().describe('Or a stored version. Without both, the map that waits for a yes.'),
  last: z.int().min(1).max(1000).default(100).describe('On so many of the last stored documents.'),
})
const asked = z.object({ trial: z.uuid() })
const unknown = { description: 'No such source, version or trial, or no map waits.' }

/** The routes of the API about dry runs of maps. */
export function trialApiRoutes(deps: MapDeskDeps): Route[] {
  return [
    {
      ...{ method: 'post', path, role: 'operator', handle: askTrial(deps) },
      doc: {
        summary: 'Try a map on the last stored documents: what it would store and tell. Nothing is stored of it.',
        params: sourceParams,
        body: trialBody,
        example: { version: 3, last: 100 },
        responses: {
          202: {
            description: 'It is tried. Ask for the trial until its state is neither running nor judging.',
            schema: asked,
          },
          400: { description: 'It is no map of this source. `detail` says why.' },
          404: unknown,
        },
      },
    },
    {
      ...{ method: 'get', path: `${path}/:trial`, role: 'operator', handle: showTrial(deps) },
      doc: {
        summary: 'A dry run of a map: how far it is, and what the map would make of the documents.',
        params: trialParams,
        responses: { 200: { description: 'The trial.', schema: trialSchema }, 404: unknown },
      },
    },
  ]
}

const patienceMs = 3000

function askTrial(deps: MapDeskDeps) {
  const { database, bounded, changes } = deps
  return async (request: RouteRequest, viewer: Viewer): Promise<RouteResponse> => {
    const { source_id: source } = validate(sourceParams, request.params, 'path')
    const body = await request.readBody()
    const given = validateBody(trialBody, body, request.headers['content-type'], deps.maxJsonDepth)
    const name = await bounded(readSourceName(database, source)).catch(rethrow)
    const actor = actorOf(viewer)
    const draft = await findDraft(deps, { id: source, name }, actor.name, given)
    const what = draft === undefined ? { version: given.version } : { draft }
    const trial = await changes.sendChange(
      actor,
      'normalizer.map.try',
      { source, ...what, last: given.last },
      { traceparent: request.traceparent },
    )
    const outcome = await changes.waitForOutcome(trial, patienceMs)
    if (outcome?.state === 'refused') throw new HttpError(404, outcome.message)
    return json(202, { trial })
  }
}

/** The map that is meant, if it is not a stored version: one that is given is kept, as that of the page is. */
async function findDraft(
  { database, bounded }: MapDeskDeps,
  source: { id: number; name: string },
  actor: string,
  { map, version }: z.output<typeof trialBody>,
): Promise<number | undefined> {
  if (map !== undefined) {
    try {
      const content = readMapOf(source.name, textOfMap(map))
      return await bounded(keepDraft(database, source.id, content, actor))
    } catch (error) {
      throw toMapError(error)
    }
  }
  if (version !== undefined) return undefined
  const waiting = (await bounded(listDrafts(database, source.id))).find(({ state }) => state === 'waiting')
  if (!waiting) throw new HttpError(404, `No map of ${source.name} waits for a yes.`)
  return waiting.draft_id
}

function showTrial({ database, bounded }: MapDeskDeps) {
  return async ({ params }: RouteRequest): Promise<RouteResponse> => {
    const { source_id: source, trial } = validate(trialParams, params, 'path')
    const found = await bounded(readTrial(database, source, trial))
    if (!found) throw new HttpError(404, 'There is no such trial of a map of this source, or not yet.')
    return json(200, found)
  }
}

function rethrow(error: unknown): never {
  throw toMapError(error)
}
