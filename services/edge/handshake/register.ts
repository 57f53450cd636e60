import { z } from 'zod'
import type { Database } from '#runtime/postgres/database.ts'
import { notOwned, sourceOf } from '../access/access.ts'
import type { Sources } from '../access/sources.ts'
import type { Caller } from '../access/token.ts'
import { isReferenceMissing, isStillReferenced } from '../catalog/foreign-keys.ts'
import type { Bounded } from '../http/deadline.ts'
import { HttpError } from '../http/http-error.ts'
import { json, type RouteResponse } from '../http/response.ts'
import { naiveIso, naiveTime } from '../http/time.ts'
import { lenient, lenientInt, text, validate, validateBody } from '../http/validation.ts'
import type { ReportNotice } from '../publish/ops-events.ts'
import type { RouteDoc, RouteRequest } from '../server/route.ts'
import {
  countMeasurements,
  deleteMeasurement,
  findMeasurementById,
  getMeasurement,
  listMeasurements,
  type MeasurementRow,
  measurementRow,
} from './measurements.ts'

const measurementBody = z.object({
  type: text(100),
  measurement_name: text(1000),
  source_module_id: lenientInt,
  parent_measurement_id: lenientInt.nullable().default(null),
})

const maxPerPage = 1000
const pageQuery = z.object({
  page: lenientInt.default(1),
  per_page: lenient(z.int32().min(1).max(maxPerPage)).default(10),
})
const idParam = z.object({ source_measurement_id: lenientInt })

const presented = z.object({ ...measurementRow.shape, created_at: naiveTime, modified_at: naiveTime })
const unknown = { description: 'The source has no measurement with this id.' }
const goneSource = { description: 'The source of the token does not exist.' }

export const measurementDoc = {
  register: {
    summary: 'Register a measurement, or get the existing one of the same source, parent and name.',
    body: measurementBody,
    example: { type: 'int', measurement_name: 'stars', source_module_id: 7, parent_measurement_id: null },
    responses: {
      201: {
        description: 'The measurement is registered.',
        schema: z.object({ id: z.int32(), creation_msg: z.string() }),
      },
      403: { description: 'source_module_id or parent_measurement_id does not belong to the source of the token.' },
    },
  },
  list: {
    summary: 'List the measurements of the source, page by page.',
    query: pageQuery,
    responses: {
      200: {
        description: 'A page. A page number out of range gives the nearest page.',
        schema: z.object({ measurements_list: z.array(presented), num_pages: z.int() }),
      },
      403: goneSource,
    },
  },
  read: {
    summary: 'Read one measurement of the source.',
    params: idParam,
    responses: { 200: { description: 'The measurement.', schema: presented }, 403: goneSource, 404: unknown },
  },
  remove: {
    summary: 'Delete a measurement with all its values, rules and children.',
    params: idParam,
    responses: {
      200: { description: 'The measurement is deleted.', schema: z.object({ deletion_msg: z.string() }) },
      403: goneSource,
      404: unknown,
      409: { description: 'News items refer to the measurement, so it stays.' },
    },
  },
} satisfies Record<string, RouteDoc>

export type MeasurementDeps = {
  database: Database
  bounded: Bounded
  sources: Sources
  report: ReportNotice
  maxJsonDepth: number
}

/** The routes of contract sections 3.3 to 3.6. A module sees and changes only the measurements of its own source. */
export function measurementRoutes({ database, bounded, sources, report, maxJsonDepth }: MeasurementDeps) {
  return {
    /** Gets or creates by source, parent and name: a repeated handshake adds nothing. */
    async register(request: RouteRequest, caller: Caller): Promise<RouteResponse> {
      const body = validateBody(
        measurementBody,
        await request.readBody(),
        request.headers['content-type'],
        maxJsonDepth,
      )
      const { source_module_id: sourceId, measurement_name: name, parent_measurement_id: parentId } = body
      if (sourceId !== caller.sourceId) throw notOwned('source_module_id', sourceId, caller)
      await sourceOf(caller, sources)
      if (parentId !== null && !(await bounded(findMeasurementById(database, sourceId, parentId))))
        throw notOwned('parent_measurement_id', parentId, caller)
      const type = body.type.toLowerCase()
      const stored = await bounded(getMeasurement(database, { sourceId, type, name, parentId })).catch(
        (error: unknown) => {
          if (!isReferenceMissing(error)) throw error
          throw new HttpError(403, `Data source ${sourceId} or measurement ${parentId} was deleted during the request.`)
        },
      )
      if (!fits(stored.type.toLowerCase(), type))
        report(typeDrift(sourceId, stored.id, name, stored.type, type), request)
      return json(201, { id: stored.id, creation_msg: 'Source Measurement successfully created' })
    },

    async list(request: RouteRequest, caller: Caller): Promise<RouteResponse> {
      const { page, per_page } = validate(pageQuery, request.query, 'query')
      await sourceOf(caller, sources)
      const total = await bounded(countMeasurements(database, caller.sourceId))
      const num_pages = Math.ceil(total / per_page)
      const offset = (Math.min(Math.max(page, 1), Math.max(num_pages, 1)) - 1) * per_page
      const rows = await bounded(listMeasurements(database, caller.sourceId, { limit: per_page, offset }))
      return json(200, { measurements_list: rows.map(present), num_pages })
    },

    async read(request: RouteRequest, caller: Caller): Promise<RouteResponse> {
      const { source_measurement_id: id } = validate(idParam, request.params, 'path')
      await sourceOf(caller, sources)
      const row = await bounded(findMeasurementById(database, caller.sourceId, id))
      if (!row) throw notFound(id, caller)
      return json(200, present(row))
    },

    async remove(request: RouteRequest, caller: Caller): Promise<RouteResponse> {
      const { source_measurement_id: id } = validate(idParam, request.params, 'path')
      await sourceOf(caller, sources)
      const isDeleted = await bounded(deleteMeasurement(database, caller.sourceId, id)).catch((error: unknown) => {
        if (!isStillReferenced(error)) throw error
        throw new HttpError(409, `Source measurement ${id} cannot be deleted: news items refer to it.`)
      })
      if (!isDeleted) throw notFound(id, caller)
      return json(200, { deletion_msg: `Source measurement ${id} has been deleted.` })
    },
  }
}

function present({ created_at, modified_at, ...row }: MeasurementRow) {
  return { ...row, created_at: naiveIso(created_at), modified_at: naiveIso(modified_at) }
}

function notFound(id: number, caller: Caller): HttpError {
  return new HttpError(404, `Source measurement ${id} of data source ${caller.sourceId} does not exist.`)
}

/** The normalizer makes an int measurement a float one when a value needs it. */
function fits(stored: string, sent: string): boolean {
  return stored === sent || (stored === 'float' && sent === 'int')
}

function typeDrift(sourceId: number, id: number, name: string, was: string, is: string) {
  const facts = { source_measurement_id: String(id), measurement_name: name, registered_type: was, sent_type: is }
  const message =
    `Measurement "${name}" (${id}) of data source ${sourceId} was registered as ${was} and is now sent as ${is}. ` +
    'Its earlier values stay unchanged. Correct the module, or the type of the measurement.'
  return { kind: 'drift', sourceId, subject: `type of ${name}`, message, facts }
}
