import { z } from 'zod'
import type { Database } from '#runtime/postgres/database.ts'
import type { Session } from '../access/sessions.ts'
import { orUnavailable } from '../ask/respond.ts'
import type { Changes } from '../changes/changes.ts'
import { askFor, goBack, goesBack, notThere, readNotice } from '../console/changes.ts'
import { given } from '../console/news-query.ts'
import type { Html } from '../design/html.ts'
import { asPage, messagePage, showPage } from '../design/layout.ts'
import { readZone } from '../design/zone.ts'
import type { Bounded } from '../http/deadline.ts'
import { readForm } from '../http/form.ts'
import type { RouteResponse } from '../http/response.ts'
import { lenient, text, validate } from '../http/validation.ts'
import type { Route, RouteRequest } from '../server/route.ts'
import { readStoredValue } from './read-value.ts'
import { valueMain, valuesPath } from './value-page.ts'

export type CorrectionDeps = { database: Database; bounded: Bounded; changes: Changes }

const params = z.object({
  event_id: z.uuid().toLowerCase(),
  seq: lenient(z.int32().min(0)).describe('Place of the value in its payload.'),
})
const query = z.object({ change: z.uuid().optional().describe('A change that was just asked for.') })
const form = z.object({
  value: text(20_000).describe('What is right; a list as JSON.'),
  reason: text(500).min(1),
  revision: z
    .string()
    .regex(/^\d{1,15}$/)
    .transform(Number)
    .describe('As the page showed it: what somebody else has put there is not replaced.'),
})
const path = `${valuesPath}/:event_id/:seq`

/** A stored value, and correcting it. */
export function correctionRoutes(deps: CorrectionDeps): Route[] {
  return [
    {
      ...{ method: 'get', path, role: 'desk' },
      doc: {
        summary: 'A stored value with those that stood there before, and a form to correct it.',
        ...{ params, query, responses: { 200: asPage('The page.'), 404: notThere } },
      },
      handle: showValue(deps),
    },
    {
      ...{ method: 'post', path, role: 'desk' },
      doc: {
        summary: 'Puts a value in the place of a wrong one, which is kept.',
        ...{ params, form, responses: { 303: goesBack, 404: notThere } },
      },
      handle: correct(deps),
    },
  ]
}

function showValue(deps: CorrectionDeps) {
  return async (request: RouteRequest, viewer: Session): Promise<RouteResponse> => {
    const { event_id, seq } = validate(params, request.params, 'path')
    const { change } = validate(query, given(request.query), 'query')
    const [found, zone, said] = await Promise.all([
      orUnavailable(deps.bounded(readStoredValue(deps.database, event_id, seq))),
      deps.bounded(readZone(deps.database, viewer, request.headers.cookie)),
      readNotice(deps.changes, viewer, change),
    ])
    return found === null ? gone(viewer) : show(viewer, valueMain({ ...found, said, zone }), zone)
  }
}

function correct({ database, bounded, changes }: CorrectionDeps) {
  return async (request: RouteRequest, viewer: Session): Promise<RouteResponse> => {
    const { event_id, seq } = validate(params, request.params, 'path')
    const { value, reason, revision } = await readForm(form, request)
    const found = await orUnavailable(bounded(readStoredValue(database, event_id, seq)))
    if (found === null) return gone(viewer)
    const { path: at, item_key } = found.value
    const asked = { event_id, path: at, item: item_key ?? '', seq, value, reason, revision }
    return goBack(
      `${valuesPath}/${event_id}/${seq}`,
      await askFor(changes, viewer, 'normalizer.value.correct', asked, request),
    )
  }
}

const show = (viewer: Session, main: Html, zone: string) =>
  showPage({ title: 'A value', main, viewer, desk: 'events', zone })

function gone(viewer: Session): RouteResponse {
  const text = 'Its payload has no such value, or its measurement was deleted. Nothing was changed.'
  return messagePage(404, 'Value not found', text, {
    viewer,
    next: { text: 'Find a payload', href: '/console/events' },
  })
}
