import type { z } from 'zod'
import type { Session } from '../access/sessions.ts'
import { actorOf } from '../changes/changes.ts'
import { goBack } from '../console/changes.ts'
import { readForm } from '../http/form.ts'
import type { RouteResponse } from '../http/response.ts'
import { validate } from '../http/validation.ts'
import { activateMap, MapRefused, readMapOf, rollBackMap } from '../maps/change-map.ts'
import { approveMap, refuseMap } from '../maps/waiting.ts'
import type { RouteRequest } from '../server/route.ts'
import { keepDraft, settleDraft } from './drafts.ts'
import { decideForm, draftParams, mapForm, maxMapBytes, sourceParams, versionParams } from './forms.ts'
import { changing, endWaiting, type MapDeskDeps, noteChange } from './map-deps.ts'
import { draftsPath, mapsPath } from './maps-page.ts'
import { draftPage, newMapPage, readSource, requireDraft, versionPage } from './pages.ts'

export function keepMap(deps: MapDeskDeps) {
  return async (request: RouteRequest, session: Session): Promise<RouteResponse> => {
    const { source_id: id } = validate(sourceParams, request.params, 'path')
    const source = await readSource(deps, id)
    const { map } = await readForm(mapForm, request, maxMapBytes)
    try {
      const content = readMapOf(source.name, map)
      const draft = await deps.bounded(keepDraft(deps.database, id, content, actorOf(session).name))
      return goBack(`${draftsPath(source)}/${draft}`, null, 'main')
    } catch (error) {
      if (!(error instanceof MapRefused)) throw error
      return newMapPage(session, source, { text: map, problem: error.message })
    }
  }
}

const inForceOf = ({ in_force }: z.output<typeof decideForm>) => (in_force === '' ? null : Number(in_force))
const byOf = (session: Session, { reason }: { reason?: string }) => ({
  actor: actorOf(session).name,
  reason: reason || null,
})

export function activateDraft(deps: MapDeskDeps) {
  return async (request: RouteRequest, session: Session): Promise<RouteResponse> => {
    const { source_id: id, draft_id } = validate(draftParams, request.params, 'path')
    const form = await readForm(decideForm, request)
    const source = await readSource(deps, id)
    const draft = await requireDraft(deps, source, draft_id)
    const by = byOf(session, form)
    try {
      if (draft.state !== 'draft' && draft.state !== 'waiting')
        throw new MapRefused('conflict', 'Somebody has decided about this map already.')
      if (draft.state === 'waiting') {
        await approveMap(changing(deps, request), id, inForceOf(form), by)
        endWaiting(deps, source, request)
      } else {
        const asked = { text: draft.content, inForce: inForceOf(form) }
        const { version } = await activateMap(changing(deps, request), id, asked, by)
        await deps.bounded(settleDraft(deps.database, draft_id, by.actor, version))
      }
    } catch (error) {
      if (!(error instanceof MapRefused)) throw error
      return draftPage(deps, { source, draftId: draft_id }, request, session, error)
    }
    await noteChange(deps, id)
    return goBack(`${mapsPath(source)}?said=activated`, null)
  }
}

export function refuseDraft(deps: MapDeskDeps) {
  return async (request: RouteRequest, session: Session): Promise<RouteResponse> => {
    const { source_id: id, draft_id } = validate(draftParams, request.params, 'path')
    const source = await readSource(deps, id)
    const draft = await requireDraft(deps, source, draft_id)
    try {
      if (draft.state !== 'waiting' && draft.state !== 'refused')
        throw new MapRefused('conflict', 'This map does not wait any more.')
      await deps.bounded(refuseMap(deps, id, { ...byOf(session, {}), seen: draft_id }))
    } catch (error) {
      if (!(error instanceof MapRefused)) throw error
      return draftPage(deps, { source, draftId: draft_id }, request, session, error)
    }
    endWaiting(deps, source, request)
    return goBack(`${mapsPath(source)}?said=refused`, null)
  }
}

export function rollBack(deps: MapDeskDeps) {
  return async (request: RouteRequest, session: Session): Promise<RouteResponse> => {
    const { source_id: id, version } = validate(versionParams, request.params, 'path')
    const form = await readForm(decideForm, request)
    const source = await readSource(deps, id)
    try {
      await rollBackMap(changing(deps, request), id, { to: version, inForce: inForceOf(form) }, byOf(session, form))
    } catch (error) {
      if (!(error instanceof MapRefused)) throw error
      return versionPage(deps, { source, version }, request, session, error)
    }
    await noteChange(deps, id)
    return goBack(`${mapsPath(source)}?said=activated`, null)
  }
}
