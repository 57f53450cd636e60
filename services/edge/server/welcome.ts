import { z } from 'zod'
import { json, type RouteResponse } from '../http/response.ts'
import type { RouteDoc } from './route.ts'

export const welcomeDoc: RouteDoc = {
  summary: 'Shows that this is parma-analytics.',
  responses: { 200: { description: 'The welcome.', schema: z.object({ welcome: z.string() }) } },
}

/** GET / (contract section 3). */
export function welcome(): RouteResponse {
  return json(200, { welcome: 'at parma-analytics' })
}
