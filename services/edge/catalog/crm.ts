import { z } from 'zod'
import { type Database, sql } from '#runtime/postgres/database.ts'
import type { Bounded } from '../http/deadline.ts'
import { HttpError } from '../http/http-error.ts'
import { json, type RouteResponse } from '../http/response.ts'
import { invalidValue, lenientInt, validateBody } from '../http/validation.ts'
import type { RouteDoc, RouteRequest } from '../server/route.ts'
import { addMissingCompanies } from './companies.ts'

/** The names of all companies in a CRM. Rejects with a CrmError. */
export type ReadCrm = () => Promise<readonly string[]>

/** A CRM cannot be read. The message says why, for people. */
export class CrmError extends Error {}

/** Calls `read` at most once in `ms`. All calls within this time share its result, or its failure. */
export function readAtMostEvery(ms: number, read: ReadCrm): ReadCrm {
  let last: { at: number; reading: Promise<readonly string[]> } | null = null
  return () => {
    const now = performance.now()
    if (!last || now - last.at >= ms) last = { at: now, reading: read() }
    return last.reading
  }
}

/** parma-web sends a JSON string, `"user_id: 7"`, in place of an object. */
const crmBody = z
  .preprocess(
    (value) => {
      const [, user_id] = (typeof value === 'string' && /^\s*user_id\s*:\s*(\S+)\s*$/.exec(value)) || []
      return user_id === undefined ? value : { user_id }
    },
    z.object({ user_id: lenientInt }),
  )
  .meta({ type: ['object', 'string'], pattern: '^ *user_id *: *[0-9]{1,9} *$' })

const nothingNew = 'No new companies found in the CRM'
/** parma-web shows its users the text of a 2xx response. For others it only shows that there was an error. */
const notConnected = 'No new companies found: no CRM is connected to parma-analytics'

export const crmDoc: RouteDoc = {
  summary: 'Add the companies of the CRM that do not exist yet.',
  body: crmBody,
  example: { user_id: 1 },
  responses: {
    200: {
      description: 'Names of the added companies, separated by commas, or a sentence that says that there are none.',
      schema: z.string(),
    },
    502: { description: 'The CRM gives no usable answer.' },
  },
}

export type CrmDeps = { database: Database; bounded: Bounded; readCrm: ReadCrm | null; maxJsonDepth: number }

/**
 * POST /crm-companies (contract section 3.13). parma-web calls it without a token. The caller chooses only the user
 * under whose name the companies are added: they come from the connected CRM, each at most once.
 */
export function crmCompanies({ database, bounded, readCrm, maxJsonDepth }: CrmDeps) {
  return async (request: RouteRequest): Promise<RouteResponse> => {
    // parma-web names no content type, and its client then sends a string as text/plain.
    const { user_id } = validateBody(crmBody, await request.readBody(), undefined, maxJsonDepth)
    if (!readCrm) return json(200, notConnected)
    const isKnown = await bounded(database.exists(sql.unsafe`SELECT FROM public."user" WHERE id = ${user_id}`))
    if (!isKnown) throw invalidValue(['body', 'user_id'], 'this user does not exist', user_id)
    const names = await readCrm().catch(throwBadGateway)
    const wanted = names.filter((name) => name.trim() !== '' && !name.includes('\0'))
    const add = database.transaction((tx) => addMissingCompanies(tx, wanted, { addedBy: user_id }))
    const added = await bounded(add)
    return json(200, added.map(({ name }) => name).join(', ') || nothingNew)
  }
}

function throwBadGateway(error: unknown): never {
  if (!(error instanceof CrmError)) throw error
  throw new HttpError(502, `The CRM cannot be read: ${error.message}.`, {}, { cause: error })
}
