import { z } from 'zod'
import type { Session } from '../access/sessions.ts'
import { askFor, goBack, goesBack } from '../console/changes.ts'
import { asPage, showPage } from '../design/layout.ts'
import { readZone } from '../design/zone.ts'
import { readForm } from '../http/form.ts'
import { HttpError } from '../http/http-error.ts'
import type { RouteResponse } from '../http/response.ts'
import { validate } from '../http/validation.ts'
import type { Route, RouteRequest } from '../server/route.ts'
import { draftParams, trialParams, versionParams } from './forms.ts'
import type { MapDeskDeps } from './map-deps.ts'
import { readSource, requireDraft } from './pages.ts'
import { readTrial } from './read-trials.ts'
import { trialMain, trialsPath } from './trial-main.ts'

const source = '/console/sources/:source_id'
const tryForm = z.object({ last: z.coerce.number().int().min(1).max(1000).default(100) })
const unknown = { description: 'No such source, version, map or trial.' }
const tries = {
  ...{ summary: 'Tries a map on the last stored documents. Nothing is stored of it.', form: tryForm },
  responses: { 303: goesBack, 404: unknown },
}

/** The pages of dry runs of maps. */
export function trialRoutes(deps: MapDeskDeps): Route[] {
  return [
    {
      ...{ method: 'post', path: `${source}/map-drafts/:draft_id/try`, role: 'desk' },
      doc: { ...tries, params: draftParams },
      async handle(request: RouteRequest, viewer: Session) {
        const { source_id, draft_id: draft } = validate(draftParams, request.params, 'path')
        await requireDraft(deps, await readSource(deps, source_id), draft)
        return askTrial(deps, viewer, request, { source: source_id, draft })
      },
    },
    {
      ...{ method: 'post', path: `${source}/maps/:version/try`, role: 'desk' },
      doc: { ...tries, params: versionParams },
      handle(request: RouteRequest, viewer: Session) {
        const { source_id, version } = validate(versionParams, request.params, 'path')
        return askTrial(deps, viewer, request, { source: source_id, version })
      },
    },
    {
      ...{ method: 'get', path: `${source}/map-trials/:trial`, role: 'desk', handle: showTrial(deps) },
      doc: {
        summary: 'What a map would make of stored documents.',
        params: trialParams,
        responses: { 200: asPage('The trial.'), 404: unknown },
      },
    },
  ]
}

type Asked = { source: number; draft: number } | { source: number; version: number }

async function askTrial(
  { changes }: MapDeskDeps,
  viewer: Session,
  request: RouteRequest,
  asked: Asked,
): Promise<RouteResponse> {
  const { last } = await readForm(tryForm, request)
  const trial = await askFor(changes, viewer, 'normalizer.map.try', { ...asked, last }, request)
  const outcome = await changes.waitForOutcome(trial, 0)
  if (outcome?.state === 'refused') throw new HttpError(404, outcome.message)
  return goBack(`${trialsPath({ id: asked.source })}/${trial}`, null, 'main')
}

function showTrial(deps: MapDeskDeps) {
  return async (request: RouteRequest, viewer: Session): Promise<RouteResponse> => {
    const { source_id, trial } = validate(trialParams, request.params, 'path')
    const { database, bounded } = deps
    const of = await readSource(deps, source_id)
    const [found, zone] = await Promise.all([
      bounded(readTrial(database, source_id, trial)),
      bounded(readZone(database, viewer, request.headers.cookie)),
    ])
    if (!found)
      throw new HttpError(
        404,
        'There is no such trial of a map of this source, or not yet. Reload the page in a moment.',
      )
    const title = `Trial of a map of ${of.name}`
    return showPage({ title, main: trialMain(of, found, zone), viewer, desk: 'sources', zone, width: 'wide' })
  }
}
