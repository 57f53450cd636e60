import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { topics } from '#schemas/topics.ts'
import { type Answer, json } from './answer.ts'
import { crawlingFinished, type FinishDeps } from './finish.ts'
import { feedRawData, type FeedDeps } from './feed.ts'
import { handshake, type HandshakeDeps } from './handshake.ts'
import type { Publish } from './publish.ts'
import { measurementRoutes, type MeasurementDeps } from './register.ts'
import type { Route, RouteRequest } from './route.ts'
import { lenientInt, validateBody } from './validation.ts'

export type RouteDeps = FeedDeps & FinishDeps & HandshakeDeps & MeasurementDeps & { compatibilityRoutes: boolean }

/** Every route there is, with who may call it (contract section 3). */
export function createRoutes(deps: RouteDeps): Route[] {
  const measurements = measurementRoutes(deps)
  const compatibility: Route[] = [{ method: 'get', path: '/schedule', role: 'anyone', handle: schedule(deps) }]
  return [
    { method: 'get', path: '/', role: 'anyone', handle: () => json(200, { welcome: 'at parma-analytics' }) },
    { method: 'get', path: '/handshake', role: 'maybe-source', handle: handshake(deps) },
    { method: 'post', path: '/source-measurement', role: 'source', handle: measurements.register },
    { method: 'get', path: '/source-measurement', role: 'source', handle: measurements.list },
    { method: 'get', path: '/source-measurement/:source_measurement_id', role: 'source', handle: measurements.read },
    {
      method: 'delete',
      path: '/source-measurement/:source_measurement_id',
      role: 'source',
      handle: measurements.remove,
    },
    { method: 'post', path: '/feed-raw-data', role: 'source', handle: feedRawData(deps) },
    { method: 'post', path: '/crawling-finished', role: 'source', handle: crawlingFinished(deps) },
    { method: 'post', path: '/new-company', role: 'source', handle: newCompany(deps) },
    ...(deps.compatibilityRoutes ? compatibility : []),
  ]
}

/** GET /schedule only wakes the scheduler, so it may be called any number of times (contract section 3.9). */
function schedule({ publish }: { publish: Publish }) {
  return async (request: RouteRequest): Promise<Answer> => {
    const trigger = {
      event_id: randomUUID(),
      kind: 'schedule',
      requested_at: Date.now(),
      data_source_id: null,
      company_id: null,
    } as const
    await publish(topics.triggers, trigger.kind, trigger, request)
    return { status: 200, headers: {}, body: null }
  }
}

const companyBody = z.object({
  id: lenientInt,
  company_name: z.string(),
  description: z.string(),
  added_by: z.string(),
})

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
