import { z } from 'zod'
import { type CompatibilityDeps, compatibilityRoutes } from './compatibility.ts'
import { handshake, type HandshakeDeps, handshakeDoc } from './handshake/handshake.ts'
import { type MeasurementDeps, measurementDoc, measurementRoutes } from './handshake/register.ts'
import { json, type RouteResponse } from './http/response.ts'
import { lenientInt, validateBody } from './http/validation.ts'
import { type FeedDeps, feedDoc, feedRawData } from './intake/feed.ts'
import { crawlingFinished, type FinishDeps, finishDoc } from './intake/finish.ts'
import { runDoc, runNow } from './intake/triggers.ts'
import { showUnsubscribe, unsubscribe, type UnsubscribeDeps, unsubscribeDoc } from './intake/unsubscribe.ts'
import { docsRoutes } from './server/docs.ts'
import { withDocument } from './server/openapi.ts'
import type { Route, RouteDoc, RouteRequest } from './server/route.ts'
import { type EventDeps, eventDoc, readEvent } from './trace/events.ts'
import { explainNews, showWhy, type WhyDeps, whyDoc, whyPageDoc } from './trace/why.ts'

export type RouteDeps = FeedDeps &
  FinishDeps &
  HandshakeDeps &
  MeasurementDeps &
  CompatibilityDeps &
  EventDeps &
  WhyDeps &
  UnsubscribeDeps & { compatibilityRoutes: boolean }

/** Every route there is, with who may call it (contract section 3). */
export function createRoutes(deps: RouteDeps): Route[] {
  const measurements = measurementRoutes(deps)
  const { register, list, read, remove } = measurementDoc
  const measurement = '/source-measurement/:source_measurement_id'
  const mail = '/unsubscribe/:notification_id/:delivery_id'
  return withDocument([
    { method: 'get', path: '/', role: 'anyone', doc: welcomeDoc, handle: () => json(200, welcome) },
    // parma-web sends no token.
    {
      method: 'get',
      path: '/handshake',
      role: deps.compatibilityRoutes ? 'maybe-source' : 'source',
      doc: handshakeDoc,
      handle: handshake(deps),
    },
    { method: 'post', path: '/source-measurement', role: 'source', doc: register, handle: measurements.register },
    { method: 'get', path: '/source-measurement', role: 'source', doc: list, handle: measurements.list },
    { method: 'get', path: measurement, role: 'source', doc: read, handle: measurements.read },
    { method: 'delete', path: measurement, role: 'source', doc: remove, handle: measurements.remove },
    { method: 'post', path: '/feed-raw-data', role: 'source', doc: feedDoc, handle: feedRawData(deps) },
    { method: 'post', path: '/crawling-finished', role: 'source', doc: finishDoc, handle: crawlingFinished(deps) },
    { method: 'post', path: '/new-company', role: 'source', doc: companyDoc, handle: newCompany(deps) },
    ...(deps.compatibilityRoutes ? compatibilityRoutes(deps) : []),
    {
      method: 'get',
      path: '/api/v1/events/:event_id',
      role: 'viewer-or-source',
      doc: eventDoc,
      handle: readEvent(deps),
    },
    { method: 'post', path: '/api/v1/runs', role: 'operator', doc: runDoc, handle: runNow(deps) },
    { method: 'get', path: '/api/v1/news/:news_id/why', role: 'viewer', doc: whyDoc, handle: explainNews(deps) },
    { method: 'get', path: '/why/:news_id', role: 'anyone', doc: whyPageDoc, handle: showWhy(deps) },
    { method: 'get', path: mail, role: 'anyone', doc: unsubscribeDoc.show, handle: showUnsubscribe(deps) },
    { method: 'post', path: mail, role: 'anyone', doc: unsubscribeDoc.end, handle: unsubscribe(deps) },
    ...docsRoutes(),
  ])
}

const welcome = { welcome: 'at parma-analytics' }
const welcomeDoc: RouteDoc = {
  summary: 'Say that this is parma-analytics.',
  responses: { 200: { description: 'It is.', schema: z.object({ welcome: z.string() }) } },
}

const companyBody = z.object({
  id: lenientInt,
  company_name: z.string(),
  description: z.string(),
  added_by: z.string(),
})

const companyDoc: RouteDoc = {
  summary: 'Nothing: discovery finds new companies by itself.',
  body: companyBody,
  responses: {
    201: {
      description: 'What was sent.',
      schema: z.object({ id: z.int32(), company_name: z.string(), return_message: z.string() }),
    },
  },
}

/** POST /new-company does nothing, as in the reference (contract section 3.12): discovery finds new companies by itself. */
function newCompany({ maxJsonDepth }: { maxJsonDepth: number }) {
  return async (request: RouteRequest): Promise<RouteResponse> => {
    const { id, company_name } = validateBody(
      companyBody,
      await request.readBody(),
      request.headers['content-type'],
      maxJsonDepth,
    )
    return json(201, { id, company_name, return_message: 'New company forwarded to data sourcing successfully' })
  }
}
