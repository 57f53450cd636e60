import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { isoWeek } from '#runtime/text/periods.ts'
import type { SourcingTrigger } from '#schemas/generated/types.ts'
import { topics } from '#schemas/topics.ts'
import type { Sources } from '../access/sources.ts'
import { HttpError } from '../http/http-error.ts'
import { json, type RouteResponse } from '../http/response.ts'
import { lenientInt, validateBody } from '../http/validation.ts'
import { idOf } from '../publish/identify.ts'
import type { Publish } from '../publish/publish.ts'
import type { RouteDoc, RouteRequest } from '../server/route.ts'

export type TriggerDeps = { publish: Publish }

const unconfirmed = { description: 'The message broker does not confirm the request. Try again.' }

export const scheduleDoc: RouteDoc = {
  summary: 'Wake the scheduler. Repeated calls do no harm.',
  responses: { 200: { description: 'The request is durable.' }, 503: unconfirmed },
}

/** GET /schedule (contract section 3.9) only wakes the scheduler, so repeated calls do no harm. */
export function schedule({ publish }: TriggerDeps) {
  return async (request: RouteRequest): Promise<RouteResponse> => {
    await requestTrigger(publish, 'schedule', randomUUID(), Date.now(), request)
    return { status: 200, headers: {}, body: null }
  }
}

const runBody = z.object({ data_source_id: lenientInt, company_id: lenientInt.nullable().default(null) })

export const runDoc: RouteDoc = {
  summary: 'Run a data source now, or one company of it, outside its plan.',
  body: runBody,
  example: { data_source_id: 7, company_id: 42 },
  responses: {
    202: {
      description:
        'The request is durable. The scheduler skips it if the source is paused, switched off or running. `parma schedule ls` shows the state of the source.',
      schema: z.object({ event_id: z.uuid() }),
    },
    404: { description: 'The data source does not exist.' },
    503: unconfirmed,
  },
}

export type RunDeps = TriggerDeps & { sources: Sources; maxJsonDepth: number }

/** POST /api/v1/runs. Each call requests a separate run. The scheduler starts none that overlaps with another. */
export function runNow({ publish, sources, maxJsonDepth }: RunDeps) {
  return async (request: RouteRequest): Promise<RouteResponse> => {
    const body = await request.readBody()
    const { data_source_id, company_id } = validateBody(runBody, body, request.headers['content-type'], maxJsonDepth)
    if ((await sources.find(data_source_id)) === null)
      throw new HttpError(
        404,
        `Data source ${data_source_id} does not exist.`,
        {},
        {
          type: 'unknown-source',
          title: 'Data source not found',
          remedy: '`parma sources ls` lists all data sources.',
        },
      )
    const event_id = randomUUID()
    const about = { data_source_id, company_id: company_id === null ? null : String(company_id) }
    await requestTrigger(publish, 'schedule', event_id, Date.now(), request, about)
    return json(202, { event_id })
  }
}

const weeklyReportsText = 'Weekly reports sent successfully'

export const weeklyReportsDoc: RouteDoc = {
  summary: 'Request the weekly reports. All calls in one week (ISO 8601, UTC) request the same run.',
  responses: {
    200: {
      description: `The request is durable: \`${weeklyReportsText}\`, without a content type. Callers expect this text, although the reports are sent later.`,
    },
    503: unconfirmed,
  },
}

/**
 * GET /weekly-reports (contract section 3.10): the request for this week's reports is durable in Kafka. It has the same
 * event_id all week, so that the notifier makes the reports once.
 */
export function weeklyReports({ publish }: TriggerDeps) {
  return async (request: RouteRequest): Promise<RouteResponse> => {
    const now = Date.now()
    await requestTrigger(publish, 'weekly_report', idOf('weekly-report', isoWeek(now)), now, request)
    return { status: 200, headers: {}, body: weeklyReportsText }
  }
}

function requestTrigger(
  publish: Publish,
  kind: SourcingTrigger['kind'],
  event_id: string,
  requested_at: number,
  request: RouteRequest,
  about: Pick<SourcingTrigger, 'data_source_id' | 'company_id'> = { data_source_id: null, company_id: null },
): Promise<void> {
  const trigger = { event_id, kind, requested_at, ...about, mail: null }
  return publish(topics.triggers, kind, trigger, request)
}
