import { z } from 'zod'
import { type Answer, json } from './http/answer.ts'
import { type CompatibilityDeps, compatibilityRoutes } from './compatibility.ts'
import { docsRoutes } from './server/docs.ts'
import { eventAbout, type EventDeps, readEvent } from './trace/events.ts'
import { crawlingFinished, finishAbout, type FinishDeps } from './intake/finish.ts'
import { feedAbout, feedRawData, type FeedDeps } from './intake/feed.ts'
import { handshake, handshakeAbout, type HandshakeDeps } from './handshake/handshake.ts'
import { withDocument } from './server/openapi.ts'
import { measurementAbout, measurementRoutes, type MeasurementDeps } from './handshake/register.ts'
import type { About, Route, RouteRequest } from './server/route.ts'
import { runAbout, runNow } from './intake/triggers.ts'
import { lenientInt, validateBody } from './http/validation.ts'
import { askToUnsubscribe, unsubscribe, unsubscribeAbout, type UnsubscribeDeps } from './intake/unsubscribe.ts'
import { explainNews, showWhy, whyAbout, type WhyDeps, whyPageAbout } from './trace/why.ts'

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
  const { register, list, read, remove } = measurementAbout
  const measurement = '/source-measurement/:source_measurement_id'
  const mail = '/unsubscribe/:notification_id/:delivery_id'
  return withDocument([
    { method: 'get', path: '/', role: 'anyone', about: welcomeAbout, handle: () => json(200, welcome) },
    // parma-web sends no token.
    {
      method: 'get',
      path: '/handshake',
      role: deps.compatibilityRoutes ? 'maybe-source' : 'source',
      about: handshakeAbout,
      handle: handshake(deps),
    },
    { method: 'post', path: '/source-measurement', role: 'source', about: register, handle: measurements.register },
    { method: 'get', path: '/source-measurement', role: 'source', about: list, handle: measurements.list },
    { method: 'get', path: measurement, role: 'source', about: read, handle: measurements.read },
    { method: 'delete', path: measurement, role: 'source', about: remove, handle: measurements.remove },
    { method: 'post', path: '/feed-raw-data', role: 'source', about: feedAbout, handle: feedRawData(deps) },
    { method: 'post', path: '/crawling-finished', role: 'source', about: finishAbout, handle: crawlingFinished(deps) },
    { method: 'post', path: '/new-company', role: 'source', about: companyAbout, handle: newCompany(deps) },
    ...(deps.compatibilityRoutes ? compatibilityRoutes(deps) : []),
    {
      method: 'get',
      path: '/api/v1/events/:event_id',
      role: 'viewer-or-source',
      about: eventAbout,
      handle: readEvent(deps),
    },
    { method: 'post', path: '/api/v1/runs', role: 'operator', about: runAbout, handle: runNow(deps) },
    { method: 'get', path: '/api/v1/news/:news_id/why', role: 'viewer', about: whyAbout, handle: explainNews(deps) },
    { method: 'get', path: '/why/:news_id', role: 'anyone', about: whyPageAbout, handle: showWhy(deps) },
    { method: 'get', path: mail, role: 'anyone', about: unsubscribeAbout.show, handle: askToUnsubscribe(deps) },
    { method: 'post', path: mail, role: 'anyone', about: unsubscribeAbout.end, handle: unsubscribe(deps) },
    ...docsRoutes(),
  ])
}

const welcome = { welcome: 'at parma-analytics' }
const welcomeAbout: About = {
  summary: 'Say that this is parma-analytics.',
  answers: { 200: { description: 'It is.', schema: z.object({ welcome: z.string() }) } },
}

const companyBody = z.object({
  id: lenientInt,
  company_name: z.string(),
  description: z.string(),
  added_by: z.string(),
})

const companyAbout: About = {
  summary: 'Nothing: discovery finds new companies by itself.',
  body: companyBody,
  answers: {
    201: {
      description: 'What was sent.',
      schema: z.object({ id: z.int32(), company_name: z.string(), return_message: z.string() }),
    },
  },
}

/** POST /new-company does nothing, as in the reference (contract section 3.12): discovery finds new companies by itself. */
function newCompany({ maxJsonDepth }: { maxJsonDepth: number }) {
  return async (request: RouteRequest): Promise<Answer> => {
    const { id, company_name } = validateBody(
      companyBody,
      await request.readBody(),
      request.headers['content-type'],
      maxJsonDepth,
    )
    return json(201, { id, company_name, return_message: 'New company forwarded to data sourcing successfully' })
  }
}
