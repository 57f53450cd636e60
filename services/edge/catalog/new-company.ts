import { z } from 'zod'
import { json, type RouteResponse } from '../http/response.ts'
import { lenientInt, validateBody } from '../http/validation.ts'
import type { RouteDoc, RouteRequest } from '../server/route.ts'

const companyBody = z.object({
  id: lenientInt,
  company_name: z.string(),
  description: z.string(),
  added_by: z.string(),
})

export const newCompanyDoc: RouteDoc = {
  summary: 'Does nothing. Discovery finds new companies by itself.',
  body: companyBody,
  example: { id: 42, company_name: 'Acme', description: 'Makes anvils.', added_by: 'Ann' },
  responses: {
    201: {
      description: 'What was sent, with a message.',
      schema: z.object({ id: z.int32(), company_name: z.string(), return_message: z.string() }),
    },
  },
}

/** POST /new-company does nothing, as before (contract section 3.12): discovery finds new companies by itself. */
export function newCompany({ maxJsonDepth }: { maxJsonDepth: number }) {
  return async (request: RouteRequest): Promise<RouteResponse> => {
    const body = await request.readBody()
    const { id, company_name } = validateBody(companyBody, body, request.headers['content-type'], maxJsonDepth)
    return json(201, { id, company_name, return_message: 'New company forwarded to data sourcing successfully' })
  }
}
