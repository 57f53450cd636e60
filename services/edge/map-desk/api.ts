import { z } from 'zod'
import type { Viewer } from '../access/viewer.ts'
import { actorOf } from '../changes/changes.ts'
import { json, type RouteResponse } from '../http/response.ts'
import { text, validate, validateBody } from '../http/validation.ts'
import { activateMap, MapRefused, readSourceName, rollBackMap } from '../maps/change-map.ts'
import { mapLoss } from '../maps/find-losses.ts'
import { listMaps, readMapContent } from '../maps/read-maps.ts'
import { approveMap, readWaiting, refuseMap } from '../maps/waiting.ts'
import type { Route, RouteRequest } from '../server/route.ts'
import { givenMap, numberOfMap, sourceParams, textOfMap, versionParams } from './forms.ts'
import { changing, endWaiting, type MapDeskDeps, noteChange, toMapError } from './map-deps.ts'

const path = '/api/v1/sources/:source_id/maps'

const shared = {
  in_force: numberOfMap
    .nullable()
    .describe('The version that was in force when you looked; null: none. Otherwise 409.'),
  reason: text(500).optional().describe('Why, for the audit log.'),
}
const activateBody = z.object({
  map: givenMap
    .optional()
    .describe('A map or a module’s answer to /initialize. Without it, the map that waits for a yes.'),
  ...shared,
})
const rollBackBody = z.object({ to: numberOfMap.optional().describe('The version whose map is wanted.'), ...shared })
const refuseBody = z.object({ reason: shared.reason })

const at = z.iso.datetime()
const mapVersion = z.object({
  version: z.int(),
  state: z.enum(['in force', 'earlier', 'not published']),
  origin: z.enum(['handshake', 'activate', 'rollback']),
  actor: z.string().nullable().describe('Who brought it, such as `person:17`, `key:deploy` or `source:7`.'),
  reason: z.string().nullable(),
  same_as: z.int().nullable().describe('Of a rollback: the earlier version whose map it is.'),
  received_at: at,
  published_at: at.nullable().describe('Since when it is in force.'),
})
const waiting = z.object({ actor: z.string(), at, losses: z.array(mapLoss) })
const listed = z.object({ maps: z.array(mapVersion), waiting: waiting.nullable() })
const shown = mapVersion.omit({ state: true }).extend({ content_hash: z.string(), map: z.looseObject({}) })
const activated = z.object({ version: z.int(), before: z.int().nullable() })

const refused = z.object({ refused: z.literal(true) })

const unknown = { description: 'No such source or version.' }
const conflict = { description: 'Another version is in force than the one looked at, or nothing would change.' }
const example = { Source: 'github', Mappings: [] }

/** The routes of the API about maps. */
export function mapApiRoutes(deps: MapDeskDeps): Route[] {
  return [
    {
      ...{ method: 'get', path, role: 'viewer', handle: list(deps) },
      doc: {
        summary: 'The versions of a source’s map, who brought each and when, and the one that waits for a yes.',
        params: sourceParams,
        responses: { 200: { description: 'The newest first.', schema: listed }, 404: unknown },
      },
    },
    {
      ...{ method: 'post', path: `${path}/refuse`, role: 'operator', handle: refuse(deps) },
      doc: {
        summary: 'Say no to the map that waits: what is in force stays.',
        params: sourceParams,
        body: refuseBody,
        example: { reason: 'stars must stay' },
        responses: {
          200: { description: 'The map in force stays.', schema: refused },
          404: unknown,
          409: { description: 'No map waits.' },
        },
      },
    },
    {
      ...{ method: 'post', path: `${path}/activate`, role: 'operator', handle: activate(deps) },
      doc: {
        summary: 'Bring a map into force as a new version, or say yes to the one that waits.',
        params: sourceParams,
        body: activateBody,
        example: { map: example, in_force: 3, reason: 'stars became text' },
        responses: {
          200: { description: 'It is in force.', schema: activated },
          400: { description: 'It is no map of this source. `detail` says why.' },
          404: unknown,
          409: conflict,
        },
      },
    },
    {
      ...{ method: 'post', path: `${path}/rollback`, role: 'operator', handle: rollBack(deps) },
      doc: {
        summary: 'Bring an earlier map into force again: that before the one in force, or that of a version.',
        params: sourceParams,
        body: rollBackBody,
        example: { in_force: 3 },
        responses: { 200: { description: 'It is in force.', schema: activated }, 404: unknown, 409: conflict },
      },
    },
    // After those whose last part is a word.
    {
      ...{ method: 'get', path: `${path}/:version`, role: 'viewer', handle: show(deps) },
      doc: {
        summary: 'A version of a source’s map.',
        params: versionParams,
        responses: { 200: { description: 'The version.', schema: shown }, 404: unknown },
      },
    },
  ]
}

const iso = (ms: number) => new Date(ms).toISOString()
const isoOrNull = (ms: number | null) => (ms === null ? null : iso(ms))

function list({ database, bounded }: MapDeskDeps) {
  return async ({ params }: RouteRequest): Promise<RouteResponse> => {
    const { source_id: id } = validate(sourceParams, params, 'path')
    await bounded(readSourceName(database, id)).catch(rethrow)
    const [maps, waits] = await Promise.all([bounded(listMaps(database, id)), bounded(readWaiting(database, id))])
    return json(200, {
      maps: maps.map((map) => ({
        ...map,
        received_at: iso(map.received_at),
        published_at: isoOrNull(map.published_at),
      })),
      waiting: waits && { actor: waits.actor, at: iso(waits.at), losses: waits.losses },
    })
  }
}

function show({ database, bounded }: MapDeskDeps) {
  return async ({ params }: RouteRequest): Promise<RouteResponse> => {
    const { source_id: id, version } = validate(versionParams, params, 'path')
    const source = await bounded(readSourceName(database, id)).catch(rethrow)
    const found = await bounded(readMapContent(database, id, version))
    if (!found) throw toMapError(new MapRefused('missing', `The map of ${source} has no version ${version}.`))
    const { content, received_at, published_at, ...rest } = found
    const times = { received_at: iso(received_at), published_at: isoOrNull(published_at) }
    return json(200, { ...rest, ...times, map: JSON.parse(content) as object })
  }
}

function activate(deps: MapDeskDeps) {
  return async (request: RouteRequest, viewer: Viewer): Promise<RouteResponse> => {
    const { source_id: id } = validate(sourceParams, request.params, 'path')
    const body = await request.readBody()
    const {
      map,
      in_force: inForce,
      reason,
    } = validateBody(activateBody, body, request.headers['content-type'], deps.maxJsonDepth)
    const by = { actor: actorOf(viewer).name, reason: reason ?? null }
    const source = await deps.bounded(readSourceName(deps.database, id)).catch(rethrow)
    const done =
      map === undefined
        ? await approveMap(changing(deps, request), id, inForce, by).catch(rethrow)
        : await activateMap(changing(deps, request), id, { text: textOfMap(map), inForce }, by).catch(rethrow)
    if (map === undefined) endWaiting(deps, { id, name: source }, request)
    await noteChange(deps, id)
    return json(200, done)
  }
}

function rollBack(deps: MapDeskDeps) {
  return async (request: RouteRequest, viewer: Viewer): Promise<RouteResponse> => {
    const { source_id: id } = validate(sourceParams, request.params, 'path')
    const body = await request.readBody()
    const {
      to = null,
      in_force: inForce,
      reason,
    } = validateBody(rollBackBody, body, request.headers['content-type'], deps.maxJsonDepth)
    const by = { actor: actorOf(viewer).name, reason: reason ?? null }
    const done = await rollBackMap(changing(deps, request), id, { to, inForce }, by).catch(rethrow)
    await noteChange(deps, id)
    return json(200, done)
  }
}

function refuse(deps: MapDeskDeps) {
  return async (request: RouteRequest, viewer: Viewer): Promise<RouteResponse> => {
    const { source_id: id } = validate(sourceParams, request.params, 'path')
    const body = await request.readBody()
    const { reason } = validateBody(refuseBody, body, request.headers['content-type'], deps.maxJsonDepth)
    const name = await deps.bounded(readSourceName(deps.database, id)).catch(rethrow)
    await deps.bounded(refuseMap(deps, id, { actor: actorOf(viewer).name, reason: reason ?? null })).catch(rethrow)
    endWaiting(deps, { id, name }, request)
    return json(200, { refused: true })
  }
}

function rethrow(error: unknown): never {
  throw toMapError(error)
}
