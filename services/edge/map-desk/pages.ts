import type { Session } from '../access/sessions.ts'
import { html } from '../design/html.ts'
import { showPage } from '../design/layout.ts'
import { sayOutcome } from '../design/parts.ts'
import { readZone } from '../design/zone.ts'
import { HttpError } from '../http/http-error.ts'
import type { RouteResponse } from '../http/response.ts'
import { validate } from '../http/validation.ts'
import { type MapRefused, readSourceName } from '../maps/change-map.ts'
import { listMaps, readMapContent } from '../maps/read-maps.ts'
import type { RouteRequest } from '../server/route.ts'
import { type Draft, listDrafts, readDraft } from './drafts.ts'
import { draftParams, saidQuery, sourceParams, versionParams } from './forms.ts'
import { type MapDeskDeps, toMapError } from './map-deps.ts'
import { draftMain, mapsMain, newMapMain, type SourceName, versionMain } from './maps-page.ts'

export async function readSource({ database, bounded }: MapDeskDeps, id: number): Promise<SourceName> {
  const name = await bounded(readSourceName(database, id)).catch((error: unknown) => {
    throw toMapError(error)
  })
  return { id, name }
}

const zoneOf = ({ database, bounded }: MapDeskDeps, session: Session, request: RouteRequest) =>
  bounded(readZone(database, session, request.headers.cookie))

const done = {
  activated: 'The map is in force. Payloads that are accepted from now on are understood by it.',
  refused: 'The map in force stays, also when the module sends the same map again.',
}

export function showMaps(deps: MapDeskDeps) {
  return async (request: RouteRequest, session: Session): Promise<RouteResponse> => {
    const { source_id: id } = validate(sourceParams, request.params, 'path')
    const query = validate(saidQuery, request.query, 'query')
    const source = await readSource(deps, id)
    const { database, bounded } = deps
    const [maps, drafts, zone] = await Promise.all([
      bounded(listMaps(database, id)),
      bounded(listDrafts(database, id)),
      zoneOf(deps, session, request),
    ])
    const main = html`${query.said && sayOutcome('good', done[query.said])}${mapsMain(source, { maps, drafts, zone })}`
    return showPage({ title: `Map of ${source.name}`, main, viewer: session, desk: 'sources', zone, width: 'wide' })
  }
}

export function showNew(deps: MapDeskDeps) {
  return async (request: RouteRequest, session: Session): Promise<RouteResponse> => {
    const { source_id: id } = validate(sourceParams, request.params, 'path')
    const source = await readSource(deps, id)
    const current = await deps.bounded(readMapContent(deps.database, id, null))
    const text = current ? JSON.stringify(JSON.parse(current.content), null, 2) : ''
    return newMapPage(session, source, { text, problem: null })
  }
}

/** The form for a changed map. `problem`: why the one that was given is none. */
export function newMapPage(
  viewer: Session,
  source: SourceName,
  given: { text: string; problem: string | null },
): RouteResponse {
  const { problem } = given
  const main = html`${problem !== null && sayOutcome('bad', problem)}${newMapMain(source, given)}`
  const status = problem === null ? 200 : 422
  return showPage({
    ...{ title: `Try a changed map of ${source.name}`, main, viewer, desk: 'sources', status, width: 'wide' },
  })
}

export async function requireDraft(
  { database, bounded }: MapDeskDeps,
  source: SourceName,
  draftId: number,
): Promise<Draft> {
  const draft = await bounded(readDraft(database, source.id, draftId))
  if (draft) return draft
  throw new HttpError(404, `${source.name} has no map ${draftId} that somebody gave.`)
}

export function showDraft(deps: MapDeskDeps) {
  return async (request: RouteRequest, session: Session): Promise<RouteResponse> => {
    const { source_id: id, draft_id } = validate(draftParams, request.params, 'path')
    const source = await readSource(deps, id)
    return draftPage(deps, { source, draftId: draft_id }, request, session)
  }
}

type At = { source: SourceName; draftId: number }

export async function draftPage(
  deps: MapDeskDeps,
  { source, draftId }: At,
  request: RouteRequest,
  session: Session,
  refusal: MapRefused | null = null,
): Promise<RouteResponse> {
  const draft = await requireDraft(deps, source, draftId)
  const [current, zone] = await Promise.all([
    deps.bounded(readMapContent(deps.database, source.id, null)),
    zoneOf(deps, session, request),
  ])
  const main = html`${refusal && sayOutcome('bad', refusal.message)}${draftMain(source, { draft, current, zone })}`
  const status = refusal === null ? 200 : refusal.kind === 'invalid' ? 422 : 409
  return showPage({
    title: `A map of ${source.name}`,
    main,
    viewer: session,
    desk: 'sources',
    zone,
    width: 'wide',
    status,
  })
}

export function showVersion(deps: MapDeskDeps) {
  return async (request: RouteRequest, session: Session): Promise<RouteResponse> => {
    const { source_id: id, version } = validate(versionParams, request.params, 'path')
    return versionPage(deps, { source: await readSource(deps, id), version }, request, session)
  }
}

export async function versionPage(
  deps: MapDeskDeps,
  { source, version }: { source: SourceName; version: number },
  request: RouteRequest,
  session: Session,
  refusal: MapRefused | null = null,
): Promise<RouteResponse> {
  const [map, current, zone] = await Promise.all([
    deps.bounded(readMapContent(deps.database, source.id, version)),
    deps.bounded(readMapContent(deps.database, source.id, null)),
    zoneOf(deps, session, request),
  ])
  if (!map) throw new HttpError(404, `The map of ${source.name} has no version ${version}.`)
  const main = html`${refusal && sayOutcome('bad', refusal.message)}${versionMain(source, { map, current, zone })}`
  const title = `Version ${version} of the map of ${source.name}`
  return showPage({ title, main, viewer: session, desk: 'sources', zone, width: 'wide', status: refusal ? 409 : 200 })
}
