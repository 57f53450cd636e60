import { z } from 'zod'
import { asPage } from '../design/layout.ts'
import type { Route, RouteDoc } from '../server/route.ts'
import { activateDraft, keepMap, refuseDraft, rollBack } from './acts.ts'
import { mapApiRoutes } from './api.ts'
import { decideForm, draftParams, mapForm, maxMapBytes, saidQuery, sourceParams, versionParams } from './forms.ts'
import type { MapDeskDeps } from './map-deps.ts'
import { showDraft, showMaps, showNew, showVersion } from './pages.ts'
import { trialApiRoutes } from './trial-api.ts'
import { trialRoutes } from './trial-pages.ts'

const path = '/console/sources/:source_id/maps'
const draftsPath = '/console/sources/:source_id/map-drafts'
const draftPath = `${draftsPath}/:draft_id`

const page = asPage('The page.')
const leads = { description: 'Done.', headers: { location: 'The page that says so.' } }
const unknown = { description: 'No such source, version or map.' }
const conflict = asPage('Another version is in force than the one on the page: nothing was changed.')

/** The pages of a source's map, and the API about maps. */
export function mapRoutes(deps: MapDeskDeps): Route[] {
  const decided = { 303: leads, 404: unknown, 409: conflict }
  const docs = {
    list: {
      summary: 'Versions of a source’s map, with who brought each.',
      params: sourceParams,
      query: saidQuery,
      responses: { 200: page, 404: unknown },
    },
    add: { summary: 'A field for a changed map.', params: sourceParams, responses: { 200: page, 404: unknown } },
    keep: {
      summary: 'Keeps a changed map, to compare and activate it.',
      params: sourceParams,
      form: mapForm,
      maxFormBytes: maxMapBytes,
      responses: { 303: leads, 404: unknown, 422: asPage('It is no map of the source.') },
    },
    draft: {
      summary: 'A map that is not in force, and how it differs.',
      params: draftParams,
      responses: { 200: page, 404: unknown },
    },
    activate: {
      summary: 'Brings it into force.',
      params: draftParams,
      form: decideForm,
      responses: { ...decided, 422: asPage('It is no map of the source.') },
    },
    refuse: { summary: 'Says no to a map that waits.', params: draftParams, form: z.object({}), responses: decided },
    version: {
      summary: 'A version of a map, and how it differs from the one in force.',
      params: versionParams,
      responses: { 200: page, 404: unknown },
    },
    rollBack: {
      summary: 'Brings the map of an earlier version into force again.',
      params: versionParams,
      form: decideForm,
      responses: decided,
    },
  } satisfies Record<string, RouteDoc>
  return [
    ...trialApiRoutes(deps),
    ...mapApiRoutes(deps),
    ...trialRoutes(deps),
    { method: 'get', path, role: 'desk', doc: docs.list, handle: showMaps(deps) },
    { method: 'get', path: `${path}/new`, role: 'desk', doc: docs.add, handle: showNew(deps) },
    { method: 'post', path: draftsPath, role: 'desk', doc: docs.keep, handle: keepMap(deps) },
    { method: 'get', path: draftPath, role: 'desk', doc: docs.draft, handle: showDraft(deps) },
    { method: 'post', path: `${draftPath}/activate`, role: 'desk', doc: docs.activate, handle: activateDraft(deps) },
    { method: 'post', path: `${draftPath}/refuse`, role: 'desk', doc: docs.refuse, handle: refuseDraft(deps) },
    { method: 'get', path: `${path}/:version`, role: 'desk', doc: docs.version, handle: showVersion(deps) },
    { method: 'post', path: `${path}/:version/rollback`, role: 'desk', doc: docs.rollBack, handle: rollBack(deps) },
  ]
}
