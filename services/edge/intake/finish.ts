import { z } from 'zod'
import { type Database, sql } from '#runtime/postgres/database.ts'
import { classify } from '#runtime/calls/retry.ts'
import { topics } from '#schemas/topics.ts'
import { notOwned, sourceOf } from '../access/access.ts'
import type { Sources } from '../access/sources.ts'
import type { Caller } from '../access/token.ts'
import { boundBy } from '../http/deadline.ts'
import { HttpError } from '../http/http-error.ts'
import { json, type RouteResponse } from '../http/response.ts'
import { lenientInt, validateBody } from '../http/validation.ts'
import { idOf, sha256 } from '../publish/identify.ts'
import type { Publish } from '../publish/publish.ts'
import type { RouteDoc, RouteRequest } from '../server/route.ts'
import type { TakeBytes } from './daily-bytes.ts'
import { fitErrors, summarize } from './summarize.ts'

const finishBody = z.object({
  task_id: lenientInt,
  errors: z
    .record(z.string(), z.object({ error_type: z.string(), error_description: z.string().nullable().default(null) }))
    .nullable()
    .default(null),
})

/** A task may fail for each of many thousand companies. */
const maxFinishValues = 100_000

export const finishDoc: RouteDoc = {
  summary: 'Report the end of a task, with its errors.',
  body: finishBody,
  example: {
    task_id: 4711,
    errors: { 42: { error_type: 'not-found', error_description: 'There is no organisation acme.' } },
  },
  responses: {
    201: {
      description: 'The report is durable.',
      schema: z.object({ ...finishBody.shape, task_id: z.int32(), return_message: z.string() }),
    },
    403: { description: 'The task belongs to another source than the token.' },
    404: { description: 'The task does not exist.' },
  },
}

export type FinishDeps = {
  database: Database
  sources: Sources
  publish: Publish
  takeBytes: TakeBytes
  lookupTimeoutMs: number
  maxJsonDepth: number
}

/**
 * POST /crawling-finished (contract section 3.8): the end of a task is durable in Kafka, and the scheduler writes it to
 * Postgres. While Postgres does not answer, the task of a known source is accepted unchecked: the scheduler checks it
 * again.
 */
export function crawlingFinished(deps: FinishDeps) {
  const { database, sources, publish, takeBytes, lookupTimeoutMs, maxJsonDepth } = deps
  const read = (body: Buffer, { headers }: RouteRequest) =>
    validateBody(finishBody, body, headers['content-type'], maxJsonDepth, maxFinishValues)

  /** What a record holds. A parsed body is many times as large as its bytes, so it does not outlive this function. */
  function fit(body: Buffer, request: RouteRequest) {
    const { task_id, errors } = read(body, request)
    return { task_id, errors: fitErrors(errors) }
  }

  return async (request: RouteRequest, caller: Caller): Promise<RouteResponse> => {
    const body = await request.readBody()
    const { task_id, errors } = fit(body, request)
    const source = await sourceOf(caller, sources)
    const owner = await findTaskSource(database, task_id, lookupTimeoutMs)
    if (owner === null) throw new HttpError(404, `Error setting task ${task_id} status to success: Task not found!`)
    if (owner !== 'not-known' && owner !== source.id) throw notOwned('task_id', task_id, caller)
    const result_summary = summarize(errors)
    const event_id = idOf('crawl-finished', source.id, task_id, sha256(result_summary))
    const finished = { event_id, data_source_id: source.id, task_id, result_summary, errors, received_at: Date.now() }
    const giveBack = takeBytes(source, body.length, 'end')
    await publish(topics.crawlFinished, String(source.id), finished, request, { task_id: String(task_id) }).catch(
      (error: unknown) => {
        giveBack()
        throw error
      },
    )
    return json(201, {
      task_id,
      errors: read(body, request).errors,
      return_message: 'Notified about crawling finished',
    })
  }
}

/** The source of a task; null: the task does not exist. */
async function findTaskSource(
  database: Database,
  taskId: number,
  timeoutMs: number,
): Promise<number | null | 'not-known'> {
  const query = database.maybeOneFirst(sql.type(z.object({ data_source_id: z.number() }))`
    SELECT data_source_id FROM public.scheduled_task WHERE task_id = ${taskId}`)
  try {
    return await boundBy(timeoutMs)(query)
  } catch (error) {
    if (classify(error) === 'transient') return 'not-known'
    throw error
  }
}
